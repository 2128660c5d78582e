"""The line of a training in progress, on a wide and on a narrow terminal."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from bregman_exp.training import progress as module


def shown(monkeypatch: pytest.MonkeyPatch, width: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    monkeypatch.setattr(module, "steps_per_epoch", lambda _: 10)
    metrics = {"val/accuracy": torch.tensor(0.7921), "val/robust_accuracy": torch.tensor(0.401)}
    trainer: Any = SimpleNamespace(
        **{"max_epochs": 182, "global_step": 25, "current_epoch": 2, "is_global_zero": True},
        **{"world_size": 1, "callback_metrics": metrics},
    )
    bar = module.TrainingProgress("bregman_mlp atan seed 23")
    bar.on_train_start(trainer, trainer)
    bar._show(trainer, torch.tensor(0.4671), 5298.0)
    bar.on_train_end(trainer, trainer)
    return out.getvalue().replace("\r", "\n").rstrip().rpartition("\n")[0]


def test_all_of_it_on_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(monkeypatch, 150).splitlines()[-1]
    assert "loss 0.467  5,298 samples/s  validation accuracy 0.792  robust 0.401" in line


def test_what_matters_most_on_a_narrow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(monkeypatch, 100).splitlines()[-1]
    assert "bregman_mlp atan seed 23  epoch 3/182" in line
    assert "left  loss 0.467  accuracy 0.792  robust 0.401" in line
    assert len(line) < 100
