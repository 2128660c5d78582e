"""The networks that are compared: the textbook's, and the rows of the published table."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

import bregman_exp as bx
from benchmarks.textbook import TextbookResNet20
from benchmarks.variants import fast_inference, fast_training

Forward = Callable[[Tensor], Tensor]  # images (N, 3, 32, 32) -> logits (N, 10)

TEXTBOOK = "textbook"
STANDARD = "standard relu"
BREGMAN = {"bregman atan": "atan", "bregman tanh": "tanh", "bregman sigmoid": "sigmoid"}
ROWS = (STANDARD, *BREGMAN, "bregman softplus")


def network(row: str) -> nn.Module:
    """The network of a row, its initial weights those of one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if row == TEXTBOOK:
            return TextbookResNet20()
        if row == STANDARD:
            return bx.resnet(20, act="relu", version="standard")
        act = bx.legendre_map("softplus", beta=1000.0) if row not in BREGMAN else BREGMAN[row]
        return bx.resnet(20, act=act, version="bregman")


def training_form(net: nn.Module, mode: str) -> Forward:
    """What computes the logits in training: the network itself, or its fast form."""
    return fast_training(net) if mode == "fast" else net


def inference_form(net: nn.Module, mode: str) -> Forward:
    """What computes the logits of the network in eval mode, its weights as they are now."""
    return fast_inference(net) if mode == "fast" else net


@torch.no_grad()
def settle(net: nn.Module, x: Tensor) -> None:
    """Batch normalisation takes the statistics of x (N, 3, 32, 32); then eval mode.

    Without it activations grow from layer to layer, and how long some take depends on their size.
    """
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    net.train()(x)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    net.eval()
