"""What a training says of itself when it begins or resumes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import bregman_exp as bx
from bregman_exp.cli.run_summary import multiply_adds
from tests.conftest import TINY, Outcome

SPIRAL = "64 training, 32 validation and 40 test samples of 2 numbers, 2 classes"
SIZES = "dataset.n_train=64, dataset.n_val=32, dataset.n_test=40"


def said(outcome: Outcome, name: str) -> list[str]:
    """The lines from the one that begins with the row's name to that with the parameters."""
    assert outcome.code == 0, outcome.err
    lines = outcome.err.splitlines()
    (first,) = [i for i, line in enumerate(lines) if line.startswith(name) and " epochs" in line]
    last = next(i for i in range(first, len(lines)) if " parameters" in lines[i])
    return lines[first : last + 1]


def test_a_run_says_its_settings_the_changed_ones_first(
    command: Callable[..., Outcome], tmp_path: Path
) -> None:
    changes = ("model.depth=4", "model.init=deterministic", "optim.lr=0.05", "trainer.patience=5")
    outcome = command("train", *TINY, *changes, "seed=3")
    lines = said(outcome, "bregman_mlp (atan)")
    assert lines == [
        "bregman_mlp (atan), depth 4, zero start: two-spiral, seed 3, at most 2 epochs",
        f"changed: trainer.max_epochs=2, {SIZES}, {', '.join(changes)}",
        f"data: {SPIRAL}",
        "optimizer: sgd, lr 0.05, momentum 0, weight decay 0, constant lr",
        "batch 16 on cpu, precision 32-true",
        "attacks: pgd-linf-0.01, pgd-linf-0.02, pgd-linf-0.05, pgd-l2-0.01, pgd-l2-0.02, pgd-l2-0.05, 6 more",
        "30 parameters, 20 multiply-adds a sample",
    ]
    (log,) = tmp_path.rglob("run.log")
    assert all(line in log.read_text() for line in lines)


def test_seeds_together_say_it_once(command: Callable[..., Outcome]) -> None:
    outcome = command("train", *TINY, "attack=none", "seeds=0..2")
    first, changed, *_, attacks, _ = said(outcome, "bregman_mlp (atan)")
    assert first == "bregman_mlp (atan), depth 3, random start: two-spiral, seeds 0..2, 2 epochs"
    assert changed == f"changed: trainer.max_epochs=2, {SIZES}, attack=none"
    assert attacks == "attacks: none"


@pytest.mark.parametrize("version", ["standard", "bregman"])
@pytest.mark.parametrize("depth", [20, 32])
def test_the_multiply_adds_of_a_resnet(depth: int, version: str) -> None:
    """C_in · C_out · 9 for each pixel of a convolution's output, and the last layer's 64 · 10."""
    net = bx.resnet(depth, act="atan", version=version, num_classes=10).train()
    count = multiply_adds(net, torch.zeros(1, 3, 32, 32))
    of_stage = (depth - 2) // 3  # convolutions, each as costly as one of the first stage
    equal = 16 * 16 * 9 * 32 * 32
    halving = equal // 2  # the first of the second and of the third stage
    assert count == 3 * 16 * 9 * 32 * 32 + of_stage * equal + 2 * (halving + (of_stage - 1) * equal) + 640
    assert net.training


def test_a_network_that_cannot_be_counted_has_no_count() -> None:
    assert multiply_adds(nn.Linear(3, 2), torch.zeros(1, 5)) is None
    assert multiply_adds(nn.Identity(), torch.zeros(1, 5)) == 0
