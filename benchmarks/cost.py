"""Operations and bytes of a step on paper, and the two floors they give on this machine."""

import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import bregman_exp as bx

# How often an activation tensor crosses memory if everything elementwise is fused, in tensors of the size of
# a convolution's output; batch normalisation in training needs its input twice, for statistics and itself.
INFERENCE_PASSES = 4.0  # written by a convolution, read, written as z, read by the next convolution
FORWARD_PASSES = 5.0
# normalisation: gradient and input for the sums, both again, one written; convolution: gradient twice, input,
# one written
BACKWARD_PASSES = 9.0
SKIP_PASSES = 1.0  # of every second convolution: what the block adds
DUAL_PASSES = 1.0  # of every second convolution, Bregman only: u is written beside z
LARGE = 4096  # rows of the matrices, and KiB of the copied tensor times 64


@dataclass(frozen=True)
class Cost:
    """Floating-point operations (a multiply-add is two) and bytes in float32, for one batch."""

    operations: float
    bytes: float

    def floor(self, machine: "Machine") -> float:
        """Seconds that the slower of the two needs."""
        return max(self.operations / machine.operations, self.bytes / machine.bandwidth)


@dataclass(frozen=True)
class Machine:
    """Operations and bytes a second, measured: a large matrix product, a large copy (read and written)."""

    operations: float
    bandwidth: float


def cost(net: nn.Module, x: Tensor, training: bool, dual: bool) -> Cost:
    """Cost of a forward pass, or of a whole training step; ``dual``: the network carries u beside z."""
    sizes = _convolution_outputs(net, x)
    passes = FORWARD_PASSES + BACKWARD_PASSES if training else INFERENCE_PASSES
    per_block = SKIP_PASSES + (DUAL_PASSES if dual else 0.0)
    moved = sum(sizes) * passes + sum(sizes[::2]) * per_block
    return Cost(_operations(net, x, training), moved * x.element_size())


def _operations(net: nn.Module, x: Tensor, training: bool) -> float:
    net.train(training)
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(training):
        logits = net(x)
        if training:
            F.cross_entropy(logits, torch.zeros(len(x), dtype=torch.long)).backward()
    return float(counter.get_total_flops())


def _convolution_outputs(net: nn.Module, x: Tensor) -> list[int]:
    sizes: list[int] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: sizes.append(output.numel()))
        for module in net.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        net.eval()(x)
    for hook in hooks:
        hook.remove()
    return sizes


def machine(repeats: int = 7) -> Machine:
    """The fastest of a few tries."""
    a = torch.randn(LARGE // 2, LARGE // 2)
    source = torch.randn(LARGE * 16 * 1024)  # 256 MiB
    target = torch.empty_like(source)
    product = min(_seconds(lambda: a @ a) for _ in range(repeats))
    copy = min(_seconds(lambda: target.copy_(source)) for _ in range(repeats))
    return Machine(2 * a.shape[0] ** 3 / product, 2 * source.numel() * source.element_size() / copy)


def _seconds(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def table(batch: int = 128, depths: tuple[int, ...] = (20, 56, 110)) -> list[dict[str, object]]:
    """One line a network: operations, bytes and floor in seconds of a training step and of inference."""
    here, lines = machine(), []
    for depth in depths:
        for act, version in (("relu", "standard"), ("tanh", "bregman")):
            net = bx.resnet(depth, act=act, version=version)
            x = torch.rand(batch, 3, 32, 32)
            for training in (True, False):
                found = cost(net, x, training, dual=version == "bregman")
                lines.append(
                    {
                        "network": f"{version} ResNet{depth}",
                        "what": "training step" if training else "inference",
                        "operations": found.operations,
                        "bytes": found.bytes,
                        "floor": found.floor(here),
                        "machine": [here.operations, here.bandwidth],
                    }
                )
    return lines
