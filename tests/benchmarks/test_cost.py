"""Operations and bytes against sums by hand."""

import torch
from torch import nn

import bregman_exp as bx
from benchmarks.counting import Cost, cost
from benchmarks.roofline import Roofline, roofline
from benchmarks.textbook import TextbookResNet20

# multiply-adds of an image: first convolution, three stages of six but for two that halve, linear layer
FIRST, FULL, HALVING, LINEAR = 32 * 32 * 16 * 27, 32 * 32 * 16 * 144, 16 * 16 * 32 * 144, 640
FORWARD = 2 * (FIRST + 16 * FULL + 2 * HALVING + LINEAR)
VALUES = (7 * 16 * 32 * 32, 6 * 32 * 16 * 16, 6 * 64 * 8 * 8)  # what the convolutions of a stage write
ADDED = (4 * 16 * 32 * 32, 3 * 32 * 16 * 16, 3 * 64 * 8 * 8)  # of every second: once a block, and the first


def networks() -> list[nn.Module]:
    return [
        TextbookResNet20(),
        bx.resnet(20, act="relu", version="standard"),
        bx.resnet(20, act="tanh", version="bregman"),
    ]


def test_operations_are_those_of_the_convolutions() -> None:
    for net in networks():
        assert cost(net, 3, training=False).operations == 3 * FORWARD
        # the step: forward, and backward to weights and inputs, but not to the image
        assert cost(net, 3, training=True).operations == 3 * (3 * FORWARD - 2 * FIRST)


def test_only_the_dual_variable_is_written_besides() -> None:
    textbook, standard, bregman = (cost(net, 2, training=False).bytes for net in networks())
    assert textbook == standard == 4 * 2 * (4 * sum(VALUES) + sum(ADDED))
    assert bregman - standard == 4 * 2 * sum(ADDED)


def test_the_network_stays_as_it_is() -> None:
    net = networks()[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    cost(net, 2, training=True)
    assert not net.training
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_floors_of_a_known_machine_and_of_this_one() -> None:
    assert Roofline(operations=10.0, bandwidth=4.0).floors(Cost(operations=5.0, bytes=8.0)) == (0.5, 2.0)
    here = roofline()
    assert here is roofline()  # measured once
    assert 1e8 < here.bandwidth < here.operations < 1e15
