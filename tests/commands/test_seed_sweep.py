"""Seeds on the command line stand in place of those that a preset sweeps."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TINY, Outcome

Command = Callable[..., Outcome]
SMALL = (*TINY[1:], "dataset=two_spiral", "attack=none", "trainer.max_epochs=1")
# its sweep has seeds
SPIRALS = ("experiment=two_spiral_3", *SMALL, "model=mlp", "++model.init=random")
TABLE = "+hydra.callbacks.progress.table=true"  # as in experiment=cifar10_table


def seeds(place: Path) -> list[str]:
    """Those of the complete runs."""
    return sorted(path.parent.name.split("-")[1] for path in place.rglob("metrics.json"))


def sweep_of(said: Outcome) -> list[str]:
    return [line for line in said.err.split("\n") if line.startswith("sweep: ")]


def test_seed_for_a_preset_of_seeds(command: Command, tmp_path: Path) -> None:
    outcome = command("train", *SPIRALS, "seed=3,5")
    assert outcome.code == 0, outcome.err
    assert sweep_of(outcome)[-1] == "sweep: 2 of 2 jobs done"
    assert outcome.err.startswith("seed=3,5 replaces seeds=0..15 of the experiment\n")
    assert seeds(tmp_path) == ["3", "5"]


def test_both_on_the_command_line_are_an_error(command: Command, tmp_path: Path) -> None:
    outcome = command("train", *SPIRALS, "seed=3", "seeds=0..1")
    assert outcome.code == 1
    assert "Error: seed=3 and seeds=0..1: give one of the two." in outcome.err
    assert not seeds(tmp_path)


def test_the_presets_own_seeds_where_none_are_given(command: Command, tmp_path: Path) -> None:
    outcome = command("train", *SPIRALS, "scale=small")
    assert outcome.code == 0, outcome.err
    assert seeds(tmp_path) == ["0", "1", "2", "3"]


def test_one_job_of_a_preset(command: Command, tmp_path: Path) -> None:
    outcome = command("train", *SPIRALS, "hydra.mode=RUN", "seed=2")
    assert outcome.code == 0, outcome.err
    assert not sweep_of(outcome)
    assert seeds(tmp_path) == ["2"]


def test_the_table_so_far_is_printed_in_between_and_at_the_end(command: Command) -> None:
    words = ("train", *SPIRALS, TABLE, "seed=0,1,2")
    outcome = command(*words)
    assert outcome.code == 0, outcome.err
    parts = outcome.err.split("\nsweep: ")
    assert [len(re.findall("^row +seeds ", part, re.MULTILINE)) for part in parts] == [1, 1, 0, 1]
    assert outcome.out == ""
    again = command(*words)  # all skipped: nothing new, until the end
    assert re.findall("^row +seeds |^sweep: [0-9] of 3", again.err, re.MULTILINE)[-1].startswith("row")
    assert len(re.findall("^row +seeds ", again.err, re.MULTILINE)) == 1


def test_runs_that_share_no_table_get_one_each(command: Command) -> None:
    epochs = "trainer.max_epochs=1,2,3"
    outcome = command("train", *SPIRALS, TABLE, "seed=0", epochs)
    assert outcome.code == 0, outcome.err
    parts = outcome.err.split("\nsweep: ")
    assert [part.count("accuracy in percent") for part in parts] == [1, 2, 0, 3]  # of 1 epoch, then also of 2


@pytest.mark.parametrize("word", ["seeds=0..4", "++seeds=0..4", "seed=1"])
def test_what_is_left_of_the_presets_sweep(word: str) -> None:
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from bregman_exp.cli.seeds import CommandLineSeeds
    from bregman_exp.config import conf_dir

    GlobalHydra.instance().clear()
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        words = ["experiment=cifar10_table", "row=resnet20", word]
        config = compose("train", words, return_hydra_config=True)
    CommandLineSeeds().on_multirun_start(config)
    assert list(config.hydra.sweeper.params) == ["row"]
    rows = config.hydra.sweeper.params.row.replace("bregman_resnet20_", "").split(",")
    assert rows == ["softplus", "resnet20", "tanh", "atan", "sigmoid"]
