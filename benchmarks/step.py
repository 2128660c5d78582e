"""Training step and inference of ResNet20: the textbook's, this project's standard and Bregman networks."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.counting import cost
from benchmarks.measure import Case, measure, timed
from benchmarks.networks import ROWS, STANDARD, TEXTBOOK, inference_form, network, settle, training_form
from benchmarks.options import Options
from benchmarks.roofline import roofline
from benchmarks.row import Row, row
from benchmarks.updates import sgd, update

TRAINING, INFERENCE = "training step", "inference"


def rows(options: Options) -> list[Row]:
    """Milliseconds a batch; ratios to the textbook network and to the standard one in the same mode.

    Each row has its time over the floor, the least time of its operations or bytes on this machine.
    """
    random = torch.Generator().manual_seed(0)
    x = torch.rand(options.batch, 3, 32, 32, generator=random)
    y = torch.randint(10, (options.batch,), generator=random)
    return [
        *_compared(TRAINING, options, lambda name, mode: training_case(name, mode, x, y)),
        *_compared(INFERENCE, options, lambda name, mode: _inference_case(name, mode, x)),
    ]


def training_case(name: str, mode: str, x: Tensor, y: Tensor, units: int = 1) -> Callable[[], float]:
    """A timed training step of this network; returns its seconds divided by ``units``."""
    net = network(name).train()
    forward, optimizer = training_form(net, mode), sgd(net.parameters())
    return timed(lambda: update(forward, optimizer, x, y), units)


def _inference_case(name: str, mode: str, x: Tensor) -> Callable[[], float]:
    net = network(name)
    settle(net, x)
    forward = torch.no_grad()(inference_form(net, mode))
    return timed(lambda: forward(x))


def _compared(subject: str, options: Options, run: Callable[[str, str], Callable[[], float]]) -> list[Row]:
    networks = {label(TEXTBOOK, "plain"): (TEXTBOOK, "plain")}
    networks |= {label(name, mode): (name, mode) for mode in options.modes for name in ROWS}
    cases = [Case(case, run(*key), _against(*key)) for case, key in networks.items()]
    measurement = measure(cases, options.limits)
    lines = []
    for case, (name, _) in networks.items():
        seconds = measurement.seconds(case)
        floor = max(roofline().floors(cost(network(name), options.batch, training=subject == TRAINING)))
        details = {"times the floor": seconds / floor}
        lines.append(row(subject, case, measurement, 1e3 * seconds, "ms", **details))
    return lines


def _against(name: str, mode: str) -> dict[str, str]:
    """The cases a network is compared to, without itself."""
    against = {"textbook": TEXTBOOK, "standard": label(STANDARD, mode)}
    compared = {TEXTBOOK: (), STANDARD: ("textbook",)}.get(name, tuple(against))
    return {shown: against[shown] for shown in compared}


def label(name: str, mode: str) -> str:
    return name if name == TEXTBOOK else f"{name}, {mode}"
