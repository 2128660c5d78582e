"""The networks of the benchmark, and its two ways to train and attack them."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import bregman_exp as bx
from benchmarks.images import CLASSES, synthetic
from benchmarks.mlp import mlp
from benchmarks.networks import ROWS, STANDARD, TEXTBOOK, network, settle
from benchmarks.textbook import TextbookResNet20
from benchmarks.updates import stacked_step, update


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_textbook_network_is_the_standard_one_of_this_project() -> None:
    textbook, standard = TextbookResNet20(), bx.resnet(20, act="relu", version="standard", normalize=None)
    assert size(textbook) == size(standard) == 269_722
    names = dict(zip(textbook.state_dict(), standard.state_dict(), strict=True))
    standard.load_state_dict({names[name]: value for name, value in textbook.state_dict().items()})
    x = torch.rand(2, 3, 32, 32)
    assert textbook(x).shape == (2, 10)
    torch.testing.assert_close(textbook(x), standard(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", [TEXTBOOK, *ROWS])
def test_every_row_is_a_network_with_seeded_weights(row: str) -> None:
    nets = [network(row), network(row)]
    a, b = (next(net.parameters()) for net in nets)
    assert torch.equal(a, b)
    assert nets[0](torch.rand(1, 3, 32, 32)).shape == (1, 10)


def test_settled_activations_are_those_of_the_batch() -> None:
    net, x = network(STANDARD), torch.rand(4, 3, 32, 32)
    settle(net, x)
    assert not net.training
    with torch.no_grad():
        normalised = net.get_submodule("bn1")(net.get_submodule("conv1")(net.get_submodule("input_map")(x)))
    assert normalised.mean().abs() < 1e-4
    assert normalised.std() == pytest.approx(1.0, abs=1e-2)
    assert net.get_submodule("bn1").momentum == 0.1


def trained_alone(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(3):
        update(net, optimizer, x, y)
    return cross_entropy(net(x), y)


def test_stacked_networks_train_as_each_alone() -> None:
    nets = [mlp("bregman", 3, seed) for seed in range(3)]
    x, y = torch.rand(3, 8, 2), torch.randint(2, (3, 8))
    step = stacked_step(nets, 0.1)
    for _ in range(3):
        step(x, y)
    alone = [trained_alone(mlp("bregman", 3, seed), x[seed], y[seed]) for seed in range(3)]
    torch.testing.assert_close(step(x, y), torch.stack(alone).detach())


def test_synthetic_images_have_the_classes_in_both_splits() -> None:
    splits = synthetic(200, 100)
    for x, y in splits:
        assert x.shape[1:] == (3, 32, 32)
        assert 0 <= x.min() < x.max() <= 1
        assert y.unique().tolist() == list(range(CLASSES))
