"""metrics.json: a change to it, or to a file beside it, is reported and never shown as a result."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.table import as_csv
from bregman_exp.runs import NotARunError, RunFolder
from tests.analysis.table_runs import IMAGES, added, entry, record, run

HASH = "0123456789ab"


def complete(path: Path, schema: int = 2) -> RunFolder:
    robust = [entry(41), entry(37, "pgd-l2-0.08")]
    return run(path / f"seed-0-{HASH}", 80, robust, config_hash=HASH, schema=schema)


def read(folder: RunFolder) -> tuple[str, str]:
    """What every reader is given of the run, as CSV; or what is wrong with it."""
    frame = read_results([folder]).frame
    damaged = (frame["state"] == "damaged").all()
    return ("", frame["error"].iloc[0]) if damaged else (as_csv(frame), "")


def test_schema_2_has_the_sums_of_its_files_and_of_itself_and_schema_1_is_still_read(tmp_path: Path) -> None:
    new, old = complete(tmp_path / "new"), complete(tmp_path / "old", 1)
    content = new.read_metrics()
    assert content["schema"] == 2
    assert set(content["files"]) == {"config.yaml", "predictions.npz"}
    assert all(len(digest) == 64 for digest in (*content["files"].values(), content["sha256"]))
    assert "sha256" not in old.read_metrics()
    assert read(old)[0].replace("/old/", "/new/") == read(new)[0] != ""


@pytest.mark.parametrize("name", ["metrics", "predictions"])
def test_no_flipped_bit_changes_a_figure(tmp_path: Path, name: str) -> None:
    """A sample; tests/torture flips more of every file."""
    folder = complete(tmp_path)
    before, path = read(folder), getattr(folder, name)
    data, draw, noticed = path.read_bytes(), random.Random(0), 0
    for _ in range(75):
        place, bit = draw.randrange(len(data)), draw.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        after = read(folder)
        assert after == before or re.fullmatch(f".*{path}.*", after[1])
        noticed += after != before
    assert noticed > 60


def test_no_flipped_digit_of_schema_1_changes_a_figure(tmp_path: Path) -> None:
    """It has no seal; but accuracy = correct / n, the interval and the predictions hold each other."""
    folder = complete(tmp_path, 1)
    data = folder.metrics.read_text()
    figures = re.finditer(r'"(?:accuracy|correct|n)": ([\d.]+)', data)
    places = [i for figure in figures for i in range(*figure.span(1)) if data[i].isdigit()]
    for place in places:
        folder.metrics.write_text(data[:place] + str((int(data[place]) + 1) % 10) + data[place + 1 :])
        assert "metrics.json" in read(folder)[1]
    assert len(places) > 15


def clean(accuracy: float | None, correct: object, n: int = 100, **more: object) -> dict[str, object]:
    return {"clean": {"accuracy": accuracy, "correct": correct, "n": n, **more}}


def check(**changes: object) -> dict[str, object]:
    return {"checks": [{"name": "x", "status": "passed", "value": 1, "limit": 0, "applies_to": []} | changes]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, f"is of another run, with seed 1 where its folder is of config_hash {HASH}, seed 0"),
        ({"config_hash": "f" * 12}, "is of another run, with config_hash ffffffffffff where"),
        ({"config_hash": 3}, "has config_hash = 3"),
        ({"seed": True}, "has seed = True"),
        ({"seed": "0"}, "has seed = '0'"),
        ({"seed": -1}, "has seed = -1"),
        ({"schema": 2}, "its sha256 is another"),
        ({"schema": 3}, "has schema 3 where this program reads 2"),
        (clean(0.81, 80), r"accuracy 0\.81, which is not 80 / 100"),
        (clean(0.8, 80.0), r"has clean\.correct = 80\.0"),
        (clean(1.0, 101), "has clean correct 101 of n 100"),
        (clean(50.0, 50), r"has clean\.accuracy = 50\.0"),
        (clean(None, None), r"has clean\.accuracy = None"),
        (clean(0.8, 80, ci95=[0.5, 0.9]), "is not that of 80 / 100"),
        (clean(0.8, 80, ci95="x"), r"has clean\.ci95 = 'x'"),
        (clean(0.5, 10**20, n=2 * 10**20), r"has clean\.correct = 1000"),
        (clean(0.8, 80, n=0), r"has clean\.n = 0"),
        ({"clean": 5}, "has clean = 5"),
        ({"robust": [5]}, r"has robust\.0 = 5"),
        ({"robust": [{"id": "x", "accuracy": 0.5}]}, r"has no robust\.0\.verdict"),
        ({"robust": [entry(5, verdict="fine")]}, r"has robust\.0\.verdict = 'fine'"),
        ({"robust": [entry(5, verdict=[])]}, r"has robust\.0\.verdict"),
        ({"robust": [entry(5), entry(6)]}, "has two attacks with id pgd-linf-0.0028"),
        ({"robust": [entry(5, eps=-1.0)]}, r"has robust\.0\.eps = -1\.0"),
        ({"robust": [entry(5, id=["x"])]}, r"has robust\.0\.id = \['x'\]"),
        ({"robust": [entry(5, accuracy=None)]}, "accuracy None and correct 5"),
        ({"robust": [entry(5, accuracy=float("nan"))]}, r"has robust\.0\.accuracy = nan"),
        (check(value="1"), r"has checks\.0\.value = '1'"),
        (check(status="well"), r"has checks\.0\.status = 'well'"),
        (check(applies_to=None), r"has checks\.0\.applies_to = None"),
        ({"checks": None}, "has checks = None"),
        ({"checks": [7]}, r"has checks\.0 = 7"),
        ({"environment": {"git": 0.5}}, r"environment\.git = 0\.5"),
        ({"train": {"epochs": 1, "seconds": float("inf")}}, r"has train\.seconds = inf"),
        ({"more": float("nan")}, "has a number that is not finite"),
        ({"train": {"seconds": 1.0}}, r"has no train\.epochs"),
        ({"dataset": IMAGES | {"classes": "cat"}}, r"has dataset\.classes = 'cat'"),
        ({"dataset": IMAGES | {"classes": ["cat", 3]}}, r"has dataset\.classes\.1 = 3"),
    ],
)
def test_each_part_is_checked(tmp_path: Path, change: dict, message: str) -> None:
    folder = complete(tmp_path)
    folder.metrics.write_text(json.dumps(record(80, [entry(41)], config_hash=HASH) | change))
    with pytest.raises(NotARunError, match=message):
        folder.read_metrics()


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000, b"", b"null", b"[]", b"\x00", b'{"seed": ']
)
def test_what_is_no_record_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    folder = complete(tmp_path)
    folder.metrics.write_bytes(content)
    with pytest.raises(NotARunError, match=r"metrics\.json .*; remove it and run the same command again\.$"):
        folder.read_metrics()


def test_an_evaluation_belongs_to_its_run(tmp_path: Path) -> None:
    folder = added(complete(tmp_path), "curve-1", 80, [], config_hash=HASH, schema=2)
    assert read(folder)[1] == ""
    added(folder, "curve-1", 80, [], config_hash=HASH, schema=2, seed=1)
    assert "is of another run" in read(folder)[1]


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
        assert str(folder.predictions) in read(folder)[1]
    folder.predictions.unlink()  # figures are taken from metrics.json
    assert read(folder)[1] == ""
