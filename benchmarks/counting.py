"""Operations and bytes of a training step or of inference, counted from the network's layers."""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

# How often a tensor of the size of a convolution's output crosses memory if everything elementwise is fused.
# In training batch normalisation reads its input twice: for the statistics and to normalise.
INFERENCE_PASSES = 4.0  # written by a convolution, read, written as z, read by the next convolution
FORWARD_PASSES = 5.0
# normalisation reads gradient and input twice and writes once; convolution reads the gradient twice and the
# input once, and writes once
BACKWARD_PASSES = 9.0
SKIP_PASSES = 1.0  # of every second convolution: the skip connection
DUAL_PASSES = 1.0  # of every second convolution, Bregman only: u is written beside z
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Cost:
    """Floating-point operations (a multiply-add is two) and bytes moved in float32."""

    operations: float
    bytes: float


def cost(net: nn.Module, batch: int, training: bool) -> Cost:
    """The cost of a training step, or of a forward pass, with ``batch`` images of 3×32×32 pixels.

    Counted with one image and multiplied by ``batch``; what does not grow (weights) is a thousandth of it.
    """
    net = copy.deepcopy(net)
    return Cost(batch * _operations(net, training), batch * _values_moved(net, training) * FLOAT_BYTES)


def _operations(net: nn.Module, training: bool) -> float:
    net.train(training)
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(training):
        logits = net(torch.rand(1, 3, 32, 32))
        if training:
            F.cross_entropy(logits, torch.zeros(1, dtype=torch.long)).backward()
    return float(counter.get_total_flops())


def _values_moved(net: nn.Module, training: bool) -> float:
    sizes = _convolution_outputs(net)
    passes = FORWARD_PASSES + BACKWARD_PASSES if training else INFERENCE_PASSES
    dual = getattr(net, "version", "standard") == "bregman"
    return sum(sizes) * passes + sum(sizes[::2]) * (SKIP_PASSES + DUAL_PASSES * dual)


def _convolution_outputs(net: nn.Module) -> list[int]:
    sizes: list[int] = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, inputs, output: sizes.append(output.numel()))
    with torch.no_grad():
        net.eval()(torch.rand(1, 3, 32, 32))
    return sizes
