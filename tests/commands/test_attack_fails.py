"""A suite whose last attack raises: the figures of the others are there, and the exit code is not 0."""

import json
from pathlib import Path

import numpy as np
import pytest

from bregman_exp.robustness import ATTACKS
from tests.conftest import TINY

SUITE = (
    "attack.attacks=[{attack: pgd, norm: linf, eps: 0.02, steps: 3},{attack: fgsm, norm: linf, eps: 0.02}]"
)


@pytest.fixture
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise IndexError("index -4 is out of bounds")

    monkeypatch.setattr(ATTACKS["fgsm"], "find", run)


def folder_of(tmp_path: Path) -> Path:
    (config,) = tmp_path.rglob("config.yaml")
    return config.parent


def test_training_keeps_the_figures_and_tries_the_last_again(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ATTACKS["fgsm"], "find", lambda *_: 1 / 0)
        outcome = command("train", *TINY, SUITE)
    assert outcome.code == 1
    assert "1 of 2 attacks failed (fgsm-linf-0.02: ZeroDivisionError" in outcome.err
    assert "Traceback" not in outcome.err
    folder = folder_of(tmp_path)
    record = json.loads((folder / "metrics.json").read_text())
    pgd, fgsm = record["robust"]
    assert 0 <= pgd["accuracy"] <= 1
    assert (fgsm["accuracy"], fgsm["verdict"]) == (None, "unreliable")
    assert "ZeroDivisionError" in json.loads((folder / "failure.json").read_text())["traceback"]
    assert list(np.load(folder / "predictions.npz")) == ["id", "label", "prediction", "pgd-linf-0.02"]
    checkpoint = (folder / "checkpoints" / "last.ckpt").read_bytes()

    with monkeypatch.context() as counted:
        counted.setattr(ATTACKS["pgd"], "find", lambda *_: pytest.fail("run again"))
        assert command("train", *TINY, SUITE).code == 0
    again = json.loads((folder / "metrics.json").read_text())["robust"]
    assert again[0]["correct"] == pgd["correct"]
    assert again[1]["accuracy"] is not None
    assert not (folder / "failure.json").exists()
    assert not (folder / "parts").exists()
    assert (folder / "checkpoints" / "last.ckpt").read_bytes() == checkpoint
    assert not (folder / "evaluations").exists()
    assert "skipped" in command("train", *TINY, SUITE).err


@pytest.mark.usefixtures("_broken")
def test_an_evaluation_too(command, trained: Path) -> None:
    for _ in range(2):
        outcome = command("evaluate", f"run={trained}", SUITE)
        assert outcome.code == 1
        assert "1 of 2 attacks failed (fgsm-linf-0.02: IndexError" in outcome.err
    (metrics,) = (trained / "evaluations").rglob("metrics.json")
    assert json.loads(metrics.read_text())["robust"][0]["accuracy"] is not None


def test_what_cannot_run_is_said_before_training(command, tmp_path: Path) -> None:
    outcome = command(
        "train", *TINY, "attack.attacks=[{attack: torchattacks, cls: APGDT, norm: linf, eps: 0.02}]"
    )
    assert outcome.code == 1
    assert "torchattacks.APGDT cannot attack 2 classes, inputs of shape (2,)" in outcome.err
    assert not list(tmp_path.rglob("config.yaml"))
