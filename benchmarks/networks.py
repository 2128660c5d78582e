"""The networks that are compared: the textbook's and the rows of the published table, plain and fast."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

import bregman_exp as bx
from benchmarks.textbook import TextbookResNet20
from bregman_exp.compiling import compiled
from bregman_exp.models import FusedForm, ResNet

Forward = Callable[[Tensor], Tensor]  # images (N, 3, 32, 32) -> logits (N, 10)

TEXTBOOK = "textbook"
STANDARD = "standard relu"
BREGMAN = {"bregman atan": "atan", "bregman tanh": "tanh", "bregman sigmoid": "sigmoid"}
ROWS = (STANDARD, *BREGMAN, "bregman softplus")
MOST_COMPILED = 64  # networks in one process; train.py has one at a time


def network(row: str) -> nn.Module:
    """The network of a row, with the initial weights of seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if row == TEXTBOOK:
            return TextbookResNet20()
        if row == STANDARD:
            return bx.resnet(20, act="relu", version="standard")
        act = bx.legendre_map("softplus", beta=1000.0) if row not in BREGMAN else BREGMAN[row]
        return bx.resnet(20, act=act, version="bregman")


def training_form(net: nn.Module, mode: str) -> Forward:
    """Computes the logits in training: the network itself, or its fast form."""
    return fast_training(net) if mode == "fast" else net


def inference_form(net: nn.Module, mode: str) -> Forward:
    """Computes the logits in eval mode, without gradients: the network itself, or its fast form.

    The fast form keeps the weights that the network has now.
    """
    if mode != "fast":
        return net
    _allow_many_compiled()
    return bx.fast_inference(cast(ResNet, net))


def fast_training(net: nn.Module) -> Forward:
    """The compiled form that train.py uses, on the network's own parameters."""
    _allow_many_compiled()
    return compiled(FusedForm(cast(ResNet, net)), next(net.parameters()).device)


def _allow_many_compiled() -> None:
    torch._dynamo.config.recompile_limit = MOST_COMPILED  # pyright: ignore[reportPrivateUsage]


@torch.no_grad()
def settle(net: nn.Module, x: Tensor) -> None:
    """Sets the statistics of batch normalisation to those of x (N, 3, 32, 32), then eval mode.

    Without it activations grow from layer to layer, and the time of some depends on their size.
    """
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    net.train()(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.eval()
