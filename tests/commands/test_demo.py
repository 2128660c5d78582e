"""scripts/demo.py: what it trains are jobs of the experiment, which then finds them complete."""

import runpy
from pathlib import Path

import pytest

from tests.conftest import TINY

SMALL = ("dataset=two_spiral", *TINY[1:], "attack=none")
DEMO = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "demo.py"))


@pytest.mark.slow
def test_the_experiment_goes_on_from_the_demo(command, tmp_path: Path) -> None:
    for model in DEMO["MODELS"]:
        outcome = command("train", *DEMO["EXPERIMENT"], f"model={model}", *SMALL)
        assert outcome.code == 0, outcome.err
    there = list((tmp_path / DEMO["FOLDER"]).rglob("metrics.json"))
    assert len(there) == len(DEMO["MODELS"])
    outcome = command("train", "experiment=two_spiral_3", "seeds=0..1", *SMALL)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("(skipped as complete)") == len(there)
    assert len(list(tmp_path.rglob("metrics.json"))) == 12  # three versions, two starts, two seeds
