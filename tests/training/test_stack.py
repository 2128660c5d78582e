"""The parts of a stack: the networks as one, and what is kept of each."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from bregman_exp.data import Augmentation, DeviceLoader, EpochLoader, Split, StackedEpochLoader
from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.models import mlp
from bregman_exp.training.epoch_lines import EpochLines
from bregman_exp.training.non_finite import CHECK_EVERY, LossWatch, NonFiniteLossError
from bregman_exp.training.seed_group import SeedGroup
from bregman_exp.training.stack import Stack
from bregman_exp.training.stack.best import BestWeights
from bregman_exp.training.stack.networks import take_rows
from bregman_exp.training.stack.sums import StackSums
from bregman_exp.training.sums import Sums

CPU = torch.device("cpu")


def networks(act: str, version: str, **settings) -> list[nn.Module]:
    torch.manual_seed(0)
    given = {"act": legendre_map(act), "version": version, "in_features": 3, "num_classes": 4}
    return [mlp([5, 5, 2], **given, **settings) for _ in range(3)]


@pytest.mark.parametrize(
    ("act", "version"),
    [("relu", "standard"), ("gelu", "standard"), ("tanh", "euclidean")]
    + [(name, "bregman") for name, kind in ACTIVATIONS.items() if issubclass(kind, LegendreMap)],
)
@pytest.mark.parametrize("settings", [{}, {"weight_norm": True}], ids=str)
def test_logits_and_gradients_are_each_networks_own(act: str, version: str, settings: dict) -> None:
    """Also: no operation that vmap would run row by row, which is slow and warns."""
    models = networks(act, version, **settings)
    stack, x = Stack(models), torch.rand(3, 7, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = stack(x)
        logits.square().sum().backward()
    stacked = dict(stack.template.named_parameters())
    for row, model in enumerate(models):
        own = model(x[row])
        torch.testing.assert_close(logits[row], own, rtol=1e-5, atol=1e-5)
        own.square().sum().backward()
        for name, parameter in model.named_parameters():
            gradient = stacked[name].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[row], parameter.grad, rtol=1e-4, atol=1e-4)


def test_a_network_of_nan_leaves_the_others_alone() -> None:
    models = networks("atan", "bregman")
    x = torch.rand(3, 7, 3)
    before = Stack(models)(x)
    with torch.no_grad():
        models[1].layers[0].linear.weight.fill_(float("nan"))
    stack = Stack(models)
    after = stack(x)
    assert after[1].isnan().all()
    assert torch.equal(after[[0, 2]], before[[0, 2]])
    after.sum().backward()
    assert all(parameter.grad[[0, 2]].isfinite().all() for parameter in stack.parameters())


def test_the_state_of_a_row_fits_the_network() -> None:
    models = networks("softplus", "bregman", weight_norm=True)
    models[0].load_state_dict(take_rows(Stack(models).template.state_dict(), 2))
    x = torch.rand(7, 3)
    assert torch.equal(models[0](x), models[2](x))


@pytest.mark.parametrize("augment", [None, Augmentation()])
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_row_of_the_batches_is_its_seeds_own(shuffle: bool, augment: Augmentation | None) -> None:
    x = torch.randint(0, 256, (11, 3, 6, 6), dtype=torch.uint8)
    split = Split(x, torch.arange(11), torch.arange(11))
    settings = {"shuffle": shuffle, "augment": augment}
    stacked = StackedEpochLoader(split, 4, **settings, seeds=[3, 0, 7])(5, CPU, 0, 1)
    assert len(stacked) == len(list(stacked)) == 3
    for row, seed in enumerate([3, 0, 7]):
        alone: DeviceLoader = EpochLoader(split, 4, **settings, seed=seed)(5, CPU, 0, 1)
        for (x_all, y_all), (x_own, y_own) in zip(stacked, alone, strict=True):
            assert torch.equal(x_all[row], x_own)
            assert torch.equal(y_all[row], y_own)


def test_sums_are_those_of_each_alone() -> None:
    stacked, alone = StackSums(), [Sums(), Sums()]
    for step in range(60):
        n = 2 if step == 59 else 5
        logits, y = torch.randn(2, n, 3), torch.randint(0, 3, (2, n))
        losses = torch.rand(2)
        stacked.see(losses, logits, y)
        for row, sums in enumerate(alone):
            sums.see(losses[row], logits[row], y[row])
    losses, accuracies = stacked.means()
    for row, sums in enumerate(alone):
        loss, accuracy = sums.means()
        assert losses[row] == pytest.approx(loss, rel=1e-12)
        assert accuracies[row] == accuracy


def test_each_networks_first_failure_is_reported_once(tmp_path: Path) -> None:
    reported: list[tuple[int, int, int]] = []

    def group_of(*seeds: int) -> SeedGroup:
        curves = [EpochLines(tmp_path / f"{seed}.csv") for seed in seeds]
        return SeedGroup(seeds, curves, lambda row, error: reported.append((row, error.epoch, error.step)))

    group = group_of(5, 6, 7)
    watch = LossWatch(group.fail)
    for step in range(2 * CHECK_EVERY):
        losses = torch.ones(3)
        losses[1] = float("nan") if step in (7, 9, 60) else 1.0
        losses[2] = float("inf") if step == 70 else 1.0
        watch.see(losses, step // 50, step)
    assert reported == [(1, 0, 7), (2, 1, 70)]
    assert group.alive == [0]
    watch.check()  # no loss since the last check
    watch.see(torch.tensor([float("nan"), 1.0, 1.0]), 2, 100)
    with pytest.raises(NonFiniteLossError, match="epoch 2, step 100"):
        watch.check()  # no network is left
    assert len(reported) == 3
    with pytest.raises(NonFiniteLossError, match="epoch 1, step 70"):
        group_of(7, 6).load(group.content(), 0.0)  # both had failed
    assert reported[3:] == [(1, 0, 7), (0, 1, 70)]


def test_best_is_the_first_epoch_of_the_highest_accuracy() -> None:
    best = BestWeights()
    accuracies = [[0.5, 0.5, 0.7], [0.6, 0.5, 0.4], [0.6, 0.9, 0.6]]
    for epoch, accuracy in enumerate(accuracies):
        weights = torch.full((3, 2), float(epoch))
        best.see({"w": weights}, accuracy, {"epoch": epoch})
        weights.fill_(-1.0)  # the weights move on
    assert [best.of(row)[1]["epoch"] for row in range(3)] == [1, 2, 0]
    assert [best.of(row)[0]["w"].tolist() for row in range(3)] == [[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]]
    some = BestWeights()
    some.load(best.content(), [2, 1])
    some.see({"w": torch.full((2, 2), 3.0)}, [0.7, 0.95], {"epoch": 3})
    assert [some.of(row)[1]["epoch"] for row in range(2)] == [0, 3]


def test_rows_of_a_checkpoint() -> None:
    state = {"w": torch.arange(6).view(3, 2), "step": torch.tensor(4.0), "lr": 0.1, "betas": (0.9, 0.999)}
    taken = take_rows([{"state": state, "params": [0, 1, 2]}], [2, 0])[0]
    assert taken["state"]["w"].tolist() == [[4, 5], [0, 1]]
    assert taken["state"]["step"] == 4.0
    assert taken["state"]["betas"] == (0.9, 0.999)
    assert taken["params"] == [0, 1, 2]
