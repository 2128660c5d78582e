"""Training step and inference of ResNet20: the textbook's, this project's standard one, the Bregman rows."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.measure import Case, measure, timed
from benchmarks.networks import ROWS, STANDARD, TEXTBOOK, inference_form, network, settle, training_form
from benchmarks.options import Options
from benchmarks.row import Row, row
from benchmarks.updates import sgd, update


def rows(options: Options) -> list[Row]:
    """Milliseconds a batch; ratios to the textbook network and to the standard one in the same mode."""
    random = torch.Generator().manual_seed(0)
    x = torch.rand(options.batch, 3, 32, 32, generator=random)
    y = torch.randint(10, (options.batch,), generator=random)
    return [
        *_compared("training step", options, lambda name, mode: training_case(name, mode, x, y)),
        *_compared("inference", options, lambda name, mode: _inference_case(name, mode, x)),
    ]


def training_case(name: str, mode: str, x: Tensor, y: Tensor, units: int = 1) -> Callable[[], float]:
    """What runs a training step of this network; seconds a unit, of which the step has so many."""
    net = network(name).train()
    forward, optimizer = training_form(net, mode), sgd(net.parameters())
    return timed(lambda: update(forward, optimizer, x, y), units)


def _inference_case(name: str, mode: str, x: Tensor) -> Callable[[], float]:
    net = network(name)
    settle(net, x)
    forward = torch.no_grad()(inference_form(net, mode))
    return timed(lambda: forward(x))


def _compared(what: str, options: Options, case: Callable[[str, str], Callable[[], float]]) -> list[Row]:
    made = [(TEXTBOOK, "plain"), *((name, mode) for mode in options.modes for name in ROWS)]
    cases = [Case(label(name, mode), case(name, mode), _against(name, mode)) for name, mode in made]
    found = measure(cases, options.limits)
    return [row(what, name, found, 1e3 * found.seconds(name), "ms") for name in found.times]


def _against(name: str, mode: str) -> dict[str, str]:
    """What a network is compared to: never itself."""
    against = {"textbook": TEXTBOOK, "standard": label(STANDARD, mode)}
    compared = {TEXTBOOK: (), STANDARD: ("textbook",)}.get(name, tuple(against))
    return {shown: against[shown] for shown in compared}


def label(name: str, mode: str) -> str:
    return name if name == TEXTBOOK else f"{name}, {mode}"
