"""The training step of the two-spiral MLPs: one seed in a plain loop, and many seeds stacked."""

from collections.abc import Callable

import torch
from torch import nn

import bregman_exp as bx
from benchmarks.measure import Case, measure, timed
from benchmarks.options import Options
from benchmarks.row import Row, row
from benchmarks.updates import stacked_step, update

DEPTHS = {3: 100, 100: 8}  # depth -> steps in a round
WIDTH, BATCH, LR = 2, 16, 0.01
VERSIONS = ("standard", "bregman")


def rows(options: Options) -> list[Row]:
    """Milliseconds a network and step; ratios to one network in a plain loop."""
    return [line for depth in DEPTHS for line in _of_depth(depth, options)]


def mlp(version: str, depth: int, seed: int = 0) -> nn.Module:
    """The MLP of the two-spiral experiment with atan, with the initial weights of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return bx.mlp([WIDTH] * depth, act="atan", version=version, in_features=2, num_classes=2)


def _of_depth(depth: int, options: Options) -> list[Row]:
    plain = {version: f"depth {depth} {version}, one seed" for version in VERSIONS}
    stacked = {version: f"depth {depth} {version}, {options.seeds} seeds stacked" for version in VERSIONS}
    alone = {f"{version} alone": name for version, name in plain.items()}
    cases = [
        Case(plain["standard"], _plain("standard", depth)),
        Case(plain["bregman"], _plain("bregman", depth), {"standard alone": plain["standard"]}),
        *(Case(name, _stacked(version, depth, options.seeds), alone) for version, name in stacked.items()),
    ]
    measurement = measure(cases, options.limits)
    return [
        row("mlp step", name, measurement, 1e3 * measurement.seconds(name), "ms a network and step")
        for name in measurement.times
    ]


def _plain(version: str, depth: int) -> Callable[[], float]:
    net, steps = mlp(version, depth), DEPTHS[depth]
    optimizer = torch.optim.SGD(net.parameters(), LR)
    x, y = torch.rand(BATCH, 2), torch.randint(2, (BATCH,))
    return timed(lambda: [update(net, optimizer, x, y) for _ in range(steps)], steps)


def _stacked(version: str, depth: int, seeds: int) -> Callable[[], float]:
    step, steps = stacked_step([mlp(version, depth, seed) for seed in range(seeds)], LR), DEPTHS[depth]
    x, y = torch.rand(seeds, BATCH, 2), torch.randint(2, (seeds, BATCH))
    return timed(lambda: [step(x, y) for _ in range(steps)], steps * seeds)
