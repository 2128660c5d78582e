"""metrics.json: a change of it, or of what stands beside it, is told and never shown."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from bregman_exp.analysis.evaluation_text import evaluation_text
from bregman_exp.analysis.table import as_cells
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.runs.predictions import checked
from bregman_exp.terminal import as_text
from tests.analysis.table_runs import entry, record, run, table, tables

HASH = "0123456789ab"


def complete(path: Path, schema: int = 2, **changes) -> RunFolder:
    robust = [entry(41), entry(37, "pgd-l2-0.08")]
    changes = {"config_hash": HASH, "schema": schema, **changes}
    return run(path / f"seed-0-{HASH}", 80, robust, **changes)


def shown(folder: RunFolder) -> str:
    return as_cells([table([folder])])


def test_schema_2_has_the_sums_of_its_files_and_of_itself(tmp_path: Path) -> None:
    told = complete(tmp_path).read_metrics()
    assert told["schema"] == 2
    assert set(told["files"]) == {"config.yaml", "predictions.npz"}
    assert all(len(digest) == 64 for digest in (*told["files"].values(), told["sha256"]))


def test_schema_1_is_still_read(tmp_path: Path) -> None:
    told = complete(tmp_path / "old", 1)
    assert "sha256" not in told.read_metrics()
    assert shown(told).replace("/old/", "/new/") == shown(complete(tmp_path / "new"))


def shown_or_said(folder: RunFolder) -> str:
    try:
        return shown(folder)
    except NotARunError as error:
        return str(error)


@pytest.mark.parametrize("name", ["metrics", "predictions"])
def test_no_flipped_bit_changes_a_figure(tmp_path: Path, name: str) -> None:
    folder = complete(tmp_path)
    before, path = shown(folder), getattr(folder, name)
    data, draw, told = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        place, bit = draw.randrange(len(data)), draw.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        said = shown_or_said(folder)
        assert said == before or re.fullmatch(f".*{path}.*", said)
        told += said != before
    assert told > 250


def test_no_flipped_digit_of_schema_1_changes_a_figure(tmp_path: Path) -> None:
    """It has no seal; but accuracy = correct / n, the interval and the predictions hold each other."""
    folder = complete(tmp_path, 1)
    before, data = shown(folder), folder.metrics.read_text()
    figures = [i for i, letter in enumerate(data) if letter.isdigit() and i < data.index('"environment"')]
    start = data.index('"clean"')
    changed = 0
    for place in (i for i in figures if i > start):
        key = data[:place].rpartition('": ')[0].rpartition('"')[2]
        if key not in ("accuracy", "correct", "n"):
            continue
        folder.metrics.write_text(data[:place] + str((int(data[place]) + 1) % 10) + data[place + 1 :])
        changed += 1
        with pytest.raises(NotARunError):
            assert shown(folder) == before
    assert changed > 15


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"seed": 1},
            "is of another run, with seed 1 where its folder is of config_hash 0123456789ab, seed 0",
        ),
        ({"config_hash": "f" * 12}, "is of another run, with config_hash ffffffffffff where"),
        ({"config_hash": 3}, "has config_hash = 3"),
        ({"seed": True}, "has seed = True"),
        ({"seed": -1}, "has seed = -1"),
        ({"clean": {"accuracy": 0.81, "correct": 80, "n": 100}}, r"accuracy 0\.81, which is not 80 / 100"),
        ({"clean": {"accuracy": 0.8, "correct": 80.0, "n": 100}}, "has clean correct"),
        ({"clean": {"accuracy": 1.0, "correct": 101, "n": 100}}, "has clean correct 101 of n 100"),
        (
            {"clean": {"accuracy": 0.8, "correct": 80, "n": 100, "ci95": [0.5, 0.9]}},
            "is not that of 80 / 100",
        ),
        ({"clean": {"accuracy": 0.8, "correct": 80, "n": 100, "ci95": "x"}}, "is not that of 80 / 100"),
        ({"clean": {"accuracy": 0.8, "correct": 80, "n": 0}}, "of n 0"),
        ({"clean": 5}, r"has no clean\.n"),
        ({"robust": [5]}, "has an attack without id"),
        ({"robust": [entry(5, verdict="fine")]}, "verdict 'fine'"),
        ({"robust": [entry(5, verdict=[])]}, "verdict"),
        ({"robust": [entry(5), entry(6)]}, "has two attacks with id pgd-linf-0.0028"),
        ({"robust": [entry(5, eps=-1.0)]}, r"eps -1\.0"),
        ({"robust": [entry(5, id=["x"])]}, "has an attack with id"),
        ({"robust": [entry(5, accuracy=None)]}, "accuracy None and correct 5"),
        ({"checks": [{"name": "x", "status": "passed", "value": "1", "limit": 0}]}, "with value '1'"),
        ({"checks": [{"name": "x", "status": "well", "value": 1, "limit": 0}]}, "with status 'well'"),
        ({"checks": None}, "has checks = None"),
        ({"checks": [7]}, "has a check without a name"),
        ({"checks": [{"name": "x", "status": "passed", "value": 1, "limit": 0}]}, "with applies_to None"),
        ({"environment": {"git": 0.5}}, r"environment\.git = 0\.5"),
        ({"train": {"epochs": 1, "seconds": float("inf")}}, "not finite"),
        ({"train": {"seconds": 1.0}}, r"has no train\.epochs"),
        ({"schema": 2}, "its sha256 is another"),
    ],
)
def test_each_part_is_checked(tmp_path: Path, change: dict, said: str) -> None:
    folder = complete(tmp_path)
    folder.metrics.write_text(json.dumps(record(80, [entry(41)], config_hash=HASH) | change))
    with pytest.raises(NotARunError, match=said):
        checked(folder)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000, b"", b"null", b"[]", b"\x00"]
)
def test_what_is_no_record_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    folder = complete(tmp_path)
    folder.metrics.write_bytes(content)
    with pytest.raises(NotARunError, match=r"metrics\.json .*; remove it and run the same command again\.$"):
        folder.read_metrics()


def test_an_evaluation_belongs_to_its_run(tmp_path: Path) -> None:
    own = complete(tmp_path)
    later = own.evaluation("curve-1")
    later.finish(record(80, config_hash=HASH, schema=2), {"id": np.arange(3)})
    later.read_metrics()
    later.finish(record(80, config_hash=HASH, schema=2, seed=1), {"id": np.arange(3)})
    with pytest.raises(NotARunError, match="is of another run"):
        later.read_metrics()


@pytest.mark.parametrize("schema", [1, 2])
def test_predictions_of_other_figures_are_told(tmp_path: Path, schema: int) -> None:
    folder = complete(tmp_path, schema)
    with np.load(folder.predictions) as file:
        arrays = dict(file)
    for name, change in (
        ("prediction", np.where(np.arange(100) < 81, arrays["label"], 3)),
        ("pgd-l2-0.08", np.arange(100) < 38),
        ("label", np.arange(99)),
    ):
        np.savez(folder.predictions, **(arrays | {name: change}))
        with pytest.raises(NotARunError, match=r"predictions\.npz"):
            tables([folder])
    folder.predictions.unlink()  # a table takes its figures from metrics.json
    tables([folder])


@pytest.mark.parametrize("inside", ["checkpoints", "metrics.json", ".lock", "evaluations", "metrics.csv"])
def test_nothing_is_written_through_a_link(tmp_path: Path, inside: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir() if "." not in inside else outside.write_text("precious")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    (folder.path / inside).symlink_to(outside)
    with pytest.raises(NotARunError, match=f"{inside} is a link, and nothing is written"), folder.locked():
        pass
    assert not folder.busy
    assert outside.is_dir() or outside.read_text() == "precious"


def test_a_linked_evaluation_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    later = RunFolder(tmp_path / "run").evaluation("curve-1")
    later.path.parent.mkdir(parents=True)
    later.path.symlink_to(tmp_path / "outside")
    with pytest.raises(NotARunError, match="curve-1 is a link"), later.locked():
        pass
    assert not list((tmp_path / "outside").iterdir())


def test_the_page_of_a_record_that_lacks_what_is_no_figure(tmp_path: Path) -> None:
    bare = {"id": "pgd", "accuracy": 0.41, "verdict": "unchecked"}
    folder = complete(tmp_path)
    content = record(80, [bare], config_hash=HASH)
    folder.metrics.write_text(json.dumps({key: content[key] for key in content if key != "checks"}))
    assert "41.00" in as_text(evaluation_text(folder.read_metrics()))
