"""The speed of DeviceLoader with augmentation, against the training step that consumes its batches."""

from itertools import islice

import torch

from benchmarks.measure import Case, measure, timed
from benchmarks.networks import STANDARD
from benchmarks.options import Options
from benchmarks.row import Row, row
from benchmarks.step import label, training_case
from bregman_exp.data import Augmentation, DeviceLoader, Split, as_unit

IMAGES = 45_000  # as CIFAR-10 without its validation split
BATCHES = 50  # in a round


def rows(options: Options) -> list[Row]:
    """Images a second; the ratios are the loader's time over a step's, which runs on the same cores."""
    split, mode, n = _split(), options.modes[-1], options.batch
    x, y = as_unit(split.x[:n]), split.y[:n]
    consumers = {f"step of {label(name, mode)}": name for name in (STANDARD, "bregman atan")}
    cases = [
        Case("loader", timed(lambda: _load(split, n), n * BATCHES), {case: case for case in consumers}),
        *(Case(case, training_case(name, mode, x, y, n)) for case, name in consumers.items()),
    ]
    measurement = measure(cases, options.limits)
    return [
        row("pipeline", name, measurement, 1 / measurement.seconds(name), "images/s")
        for name in measurement.times
    ]


def _split() -> Split:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(256, (IMAGES, 3, 32, 32), generator=random, dtype=torch.uint8)
    return Split(x, torch.randint(10, (IMAGES,), generator=random), torch.arange(IMAGES))


def _load(split: Split, batch: int) -> None:
    loader = DeviceLoader(split, batch, shuffle=True, augment=Augmentation(), seed=0, epoch=0)
    for _ in islice(loader, BATCHES):
        pass
