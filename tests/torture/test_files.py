"""Mutated files of a run, and of a folder of images: the same figures, or a sentence; no traceback."""

import csv
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bregman_exp.data import DataError
from bregman_exp.data.image_folder import image_folder
from tests.conftest import Outcome
from tests.torture.evaluation import Evaluation
from tests.torture.mutations import mutated, mutated_content
from tests.torture.trial import WORDS, HangError, ended, in_time, names, trials

pytestmark = pytest.mark.torture

MUTANTS = {  # 800, and 200 of images: 1,000
    "config.yaml": 200,
    "metrics.json": 100,
    "metrics.json of schema 1": 200,
    "failure.json": 100,
    "predictions.npz": 100,
    "predictions.npz of schema 1": 100,
}
IMAGES = 200
SELDOM = 5  # a report or an evaluation for so many mutants
FAIR = ("as before", "named", "one sentence", "read")
Command = Callable[..., Outcome]


@pytest.fixture
def run(command: Command, tmp_path: Path) -> Path:
    assert command("train", *WORDS).code == 0
    return next(tmp_path.rglob("metrics.json")).parent


def of_schema_1(run: Path) -> None:
    """metrics.json without sums, as it was before."""
    record = json.loads((run / "metrics.json").read_text()) | {"schema": 1}
    older = {key: value for key, value in record.items() if key not in ("files", "sha256")}
    (run / "metrics.json").write_text(json.dumps(older, indent=2))


def failed(run: Path) -> None:
    """A run that ended in an error in its last epoch."""
    (run / "metrics.json").unlink()
    content = {
        "error": "NonFiniteLossError: the loss is nan",
        "epoch": 1,
        "step": 7,
        "traceback": "Traceback\n",
    }
    (run / "failure.json").write_text(json.dumps(content, indent=2))


@pytest.mark.parametrize("what", MUTANTS)
def test_files(command: Command, script: Command, run: Path, what: str, endings: Counter[str]) -> None:
    path = run / what.removesuffix(" of schema 1")
    evaluation = Evaluation(command, run)
    if path != run / what:
        of_schema_1(run)
    if what == "failure.json":
        failed(run)
    data, draw, wrong = path.read_bytes(), random.Random(what), []
    whole = figures(script("table", "outputs", "--format", "cells"))
    assert bool(whole) == (what != "failure.json")
    for number in range(trials(MUTANTS[what])):
        still_read = path.suffix != ".npz" and number % 2
        path.write_bytes(mutated_content(data, draw, path.suffix) if still_read else mutated(data, draw))
        ways = {
            "table": _of_table(ended(lambda: script("table", "outputs", "--format", "cells")), whole, run)
        }
        ways["status"] = _of_reader(ended(lambda: script("status", "outputs")))
        if number % SELDOM == 0:
            ways["report"] = _of_reader(ended(lambda: script("report", "outputs", "--no-pictures")))
        if number % SELDOM == 1:
            ways["evaluate"] = evaluation.way()
        endings.update(f"{which} {way}" for which, way in ways.items())
        wrong += [(number, which, way) for which, way in ways.items() if way not in FAIR]
    assert not wrong


def figures(done: Outcome) -> list[tuple[str, ...]]:
    """Mean, its seeds and the samples, a figure a line of the table."""
    lines = csv.DictReader(done.out.splitlines())
    return [(line["mean"], line["values"], line["n"]) for line in lines if line["mean"]]


def _of_table(done: Outcome | str, whole: list[tuple[str, ...]], run: Path) -> str:
    if isinstance(done, str):
        return done
    now = figures(done)
    return "as before" if now == whole else "named" if names(done, run) else f"CHANGED to {now}"


def _of_reader(done: Outcome | str) -> str:
    if isinstance(done, str):
        return done
    return "read" if done.code == 0 else f"unclear: {done.err}"


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_images(image_tree: Path, tmp_path: Path, ending: str, endings: Counter[str]) -> None:
    for file in sorted(image_tree.rglob("*.png")):
        Image.open(file).save(file.with_suffix(f".{ending}"))
        if ending != "png":
            file.unlink()
    files = sorted(image_tree.rglob(f"*.{ending}"))
    draw, wrong = random.Random(ending), []
    whole = image_folder(str(image_tree), tmp_path / "cache", n_val=4)
    for number in range(trials(IMAGES // 2)):
        file = draw.choice(files)
        data, cache = file.read_bytes(), tmp_path / f"cache-{number}"
        file.write_bytes(mutated(data, draw))
        try:
            with in_time():
                now = image_folder(str(image_tree), cache, n_val=4)
            pairs = zip((whole.train, whole.val, whole.test), (now.train, now.val, now.test), strict=True)
            same = all(np.array_equal(a.x.numpy(), b.x.numpy()) for a, b in pairs)
            known = same or now.fingerprint != whole.fingerprint
            way = "as before" if same else "another fingerprint" if known else "CHANGED"
        except DataError as error:
            way = "named" if str(file) in str(error) else f"unclear: {error}"
        except HangError:
            way = "hangs"
        except Exception as error:
            way = f"foreign {type(error).__name__}: {error}"
        endings[way] += 1
        wrong += [(number, way)] * (way not in ("as before", "another fingerprint", "named"))
        file.write_bytes(data)
        shutil.rmtree(cache, ignore_errors=True)
    assert not wrong
