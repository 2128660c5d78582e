"""A config.yaml or metrics.json that is not of its folder: one sentence, and no figure."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import TINY, train_in

WORDS = (*TINY, "attack=none", "seeds=0..1")


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("two")
    train_in(home, *WORDS)
    return home / "outputs"


@pytest.fixture
def two(two_outputs: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The folders of seeds 0 and 1."""
    shutil.copytree(two_outputs, tmp_path / "outputs")
    return tuple(next(tmp_path.rglob(f"seed-{seed}-*")) for seed in (0, 1))


def with_tanh(folder: Path) -> str:
    """Changes act.name in config.yaml; the text before."""
    config = folder / "config.yaml"
    before = config.read_text()
    assert "name: atan" in before
    config.write_text(before.replace("name: atan", "name: tanh"))
    return before


def as_schema_1(folder: Path) -> None:
    """metrics.json as it was before there were sums in it."""
    metrics = folder / "metrics.json"
    record = json.loads(metrics.read_text())
    older = {key: value for key, value in record.items() if key not in ("files", "sha256")} | {"schema": 1}
    metrics.write_text(json.dumps(older))


@pytest.mark.parametrize("schema", [1, 2])
def test_an_edited_config_gives_no_figure(command, script, two: tuple[Path, Path], schema: int) -> None:
    for folder in two:
        as_schema_1(folder) if schema == 1 else None
    before = with_tanh(two[0])
    for outcome in (
        command("evaluate", f"run={two[0]}", "attack=none", "weights=best"),
        command("train", *WORDS),
    ):
        assert outcome.code == 1
        assert f"{two[0].name}/config.yaml does not fit: it makes config_hash" in outcome.err
        assert "Traceback" not in outcome.err
    assert not list(two[0].glob("evaluations"))
    done = script("table", "outputs", "--format", "cells")
    assert done.code == 0
    assert "left out: " in done.err
    assert "config.yaml does not fit" in done.err
    assert done.out.count(",tanh,") == 0
    status = script("status", "outputs")
    assert "config.yaml does not fit" in status.out.replace("\n", "")
    assert script("compare", *map(str, two)).code == 1
    (two[0] / "config.yaml").write_text(before)
    assert "left out" not in script("table", "outputs").err
    assert command("evaluate", f"run={two[0]}", "attack=none", "weights=best").code == 0


def test_a_config_that_is_none_any_more_is_told(command, script, two: tuple[Path, Path]) -> None:
    config = two[0] / "config.yaml"
    config.write_text(config.read_text().replace("name: atan", "name: atam"))
    done = script("table", "outputs", "--format", "cells")
    assert f"{two[0].name}/config.yaml is not that of its metrics.json" in done.err
    assert "no activation 'atam'" in done.err
    assert done.code == 0  # the other seed's row
    assert ",0:" not in done.out
    as_schema_1(two[0])  # it has no sum of the config, which may be of another version of this program
    assert "left out" not in script("table", "outputs").err


def test_a_config_edited_where_no_hash_sees_it_still_fits(command, script, two: tuple[Path, Path]) -> None:
    config = two[0] / "config.yaml"
    config.write_text(config.read_text().replace("project: bregman-exp", "project: other"))
    assert "left out" not in script("table", "outputs").err
    assert command("train", *WORDS).code == 0


def test_another_seeds_metrics_are_not_complete(command, script, two: tuple[Path, Path]) -> None:
    shutil.copy(two[1] / "metrics.json", two[0] / "metrics.json")
    copied = (two[0] / "metrics.json").read_bytes()
    for outcome in (
        command("train", *WORDS),
        command("evaluate", f"run={two[0]}", "attack=none", "weights=best"),
        script("publish", str(two[0]), "--to", "zoo"),
    ):
        assert outcome.code == 1
        assert "metrics.json is of another run, with" in outcome.err
        assert "Traceback" not in outcome.err
    assert (two[0] / "metrics.json").read_bytes() == copied
    table = script("table", "outputs", "--format", "cells")
    assert (table.code, table.err.count("left out: ")) == (0, 1)
    assert "metrics.json is of another run, with" in table.err
    assert "1:0." in table.out


@pytest.mark.parametrize("name", ["predictions.npz", "evaluations/x/metrics.json"])
def test_one_damaged_file_costs_a_table_one_run(script, two: tuple[Path, Path], name: str) -> None:
    (two[0] / name).parent.mkdir(parents=True, exist_ok=True)
    (two[0] / name).write_bytes(b"damaged")
    table = script("table", "outputs", "--format", "cells")
    assert (table.code, table.err.count("left out: ")) == (0, 1)
    assert f"{two[0].name}/{name}" in table.err
    assert "1:0." in table.out
    assert "0:0." not in table.out


def test_a_run_without_its_config_is_named(script, two: tuple[Path, Path]) -> None:
    (two[0] / "config.yaml").unlink()
    done = script("table", "outputs", "--format", "cells")
    assert done.code == 0
    assert f"{two[0].name} has no config.yaml" in done.err
    assert f"{two[0].name} has no config.yaml" in script("status", "outputs").out.replace("\n", "")
    (two[0] / "metrics.json").unlink()  # its checkpoints are there yet
    assert f"{two[0].name} has no config.yaml" in script("table", "outputs").err
    shutil.rmtree(two[1])
    assert script("table", "outputs").code == 1


def test_the_report_names_both(script, two: tuple[Path, Path]) -> None:
    with_tanh(two[0])
    assert script("report", "outputs", "--no-pictures").code == 0
    page = Path("outputs/report.html").read_text()
    assert "config.yaml does not fit" in page
