"""metrics.csv follows from the checkpoint: no kill and no damage of it loses a line or blocks a run."""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from bregman_exp.training import epoch_lines
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.epoch_lines import COLUMNS, EpochLines
from bregman_exp.training.stack import StackedClassifier
from tests.commands.test_resume import curve
from tests.conftest import TINY, train_in

WORDS = (*TINY, "trainer.max_epochs=4", "attack=none")


def runs_of(place: Path) -> list[Path]:
    return sorted(config.parent for config in place.rglob("config.yaml"))


def interrupted(command, monkeypatch: pytest.MonkeyPatch, kind: type[Classifier], *words: str) -> None:
    """Training ends in epoch 2, of which nothing is kept."""
    real = kind.training_step

    def step(self: Classifier, batch: tuple, batch_idx: int) -> dict:
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return real(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "training_step", step)
        assert command("train", *WORDS, *words).code == 130


def without_the_last_line(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


def with_a_strange_byte(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"0.", b"\xff\x00", 2))


@pytest.fixture(scope="module")
def whole_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The output folder of uninterrupted runs of these seeds."""

    @cache
    def trained(seeds: str) -> Path:
        place = tmp_path_factory.mktemp("whole")
        train_in(place, *WORDS, seeds)
        return place / "outputs"

    return trained


@pytest.mark.parametrize(
    ("kind", "seeds", "damage"),
    [
        (Classifier, "seed=0", without_the_last_line),
        (Classifier, "seed=0", with_a_strange_byte),
        (StackedClassifier, "seeds=0..1", Path.unlink),
    ],
    ids=["alone-line", "alone-byte", "stack-gone"],
)
def test_what_becomes_of_the_file_loses_no_line(
    command, tmp_path: Path, monkeypatch, whole_runs, kind, seeds, damage
) -> None:
    interrupted(command, monkeypatch, kind, seeds)
    for folder in runs_of(tmp_path):
        damage(folder / "metrics.csv")
    assert command("train", *WORDS, seeds).code == 0
    pairs = list(zip(runs_of(whole_runs(seeds)), runs_of(tmp_path), strict=True))
    assert len(pairs) in (1, 2)
    for whole, killed in pairs:
        assert curve(killed) == curve(whole)
        assert len(curve(whole)) == 5


@pytest.mark.parametrize("seeds", ["seed=0", "seeds=0..1"])
def test_a_trained_run_gets_its_lines_back(command, tmp_path: Path, whole_runs, seeds: str) -> None:
    shutil.copytree(whole_runs(seeds), tmp_path / "outputs")
    folders = runs_of(tmp_path)
    before = [(folder / "metrics.csv").read_bytes() for folder in folders]
    for folder in folders:
        (folder / "metrics.json").unlink()
        without_the_last_line(folder / "metrics.csv")
    assert command("train", *WORDS, seeds).code == 0
    assert [(folder / "metrics.csv").read_bytes() for folder in folders] == before


def test_an_older_checkpoint_takes_what_the_file_has(command, tmp_path: Path, monkeypatch) -> None:
    interrupted(command, monkeypatch, Classifier)
    (folder,) = runs_of(tmp_path)
    last, file = folder / "checkpoints" / "last.ckpt", folder / "metrics.csv"
    state = torch.load(last, weights_only=True)
    del state["lines"], state["run"]
    torch.save(state, last)
    file.write_bytes(file.read_bytes() + b"1,\xff,cut\r\n2,31,0.0")
    assert command("train", *WORDS).code == 0
    assert [line.split(",")[0] for line in curve(folder)] == ["epoch", "0", "1", "2", "3"]


def test_an_epoch_that_is_run_again_replaces_its_line(tmp_path: Path) -> None:
    lines = EpochLines(tmp_path / "metrics.csv")
    figures = dict.fromkeys(COLUMNS, 0.125)
    for epoch, step in ((0, 3), (1, 7), (2, 11), (1, 123_456_789)):
        lines.add(figures | {"epoch": epoch, "step": step})
    written = (tmp_path / "metrics.csv").read_text().splitlines()
    assert written[0] == ",".join(COLUMNS)
    assert [line.split(",")[:3] for line in written[1:]] == [["0", "3", "0.125"], ["1", "123456789", "0.125"]]
    other = EpochLines(tmp_path / "metrics.csv")
    other.load(lines.content())
    assert other.content().encode() == (tmp_path / "metrics.csv").read_bytes()


def test_an_epoch_costs_an_appending_and_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[Path] = []
    real = epoch_lines.write_whole
    monkeypatch.setattr(epoch_lines, "write_whole", lambda *a, **k: (whole.append(a[0]), real(*a, **k)))
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("nobody waits for the disk"))
    file, figures = tmp_path / "metrics.csv", dict.fromkeys(COLUMNS, 0.125)
    lines = EpochLines(file)
    for epoch in range(5):
        lines.add(figures | {"epoch": epoch})
        assert file.read_bytes() == lines.content().encode()
    assert whole == [file]
    file.write_bytes(b"cut")  # what becomes of it in between is mended
    lines.add(figures | {"epoch": 5})
    assert file.read_bytes() == lines.content().encode()
    assert len(file.read_text().splitlines()) == 7


def test_a_line_with_an_empty_cell_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text(",".join(COLUMNS) + "\n0,3,0.1,1,1,,,2\n1,7,0.1,1,1\n")
    lines = EpochLines(file)
    lines.load(None)
    lines.add(dict.fromkeys(COLUMNS, 0.125) | {"epoch": 1})
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == ["epoch", "0", "1"]
