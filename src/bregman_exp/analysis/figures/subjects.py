"""The networks that are looked into: twins with trained weights, their data, what passes through them."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from bregman_exp import build
from bregman_exp.analysis.figures.panels import Traced
from bregman_exp.analysis.figures.plane import Limits, frame
from bregman_exp.analysis.figures.rows import Row, label_of, strokes_of, twins
from bregman_exp.analysis.figures.spread import Curve
from bregman_exp.config import Mlp
from bregman_exp.data import ClassificationData, Split
from bregman_exp.models.trace import primal_range, representations

POINTS = 2000  # samples at most, of the training and of the test data
FRAMED = "The frame is the range of ρ where that is bounded, else a square about the points."


class Networks:
    """A row's networks, one a seed, in float64 (a picture shows no rounding); loaded when looked at."""

    def __init__(self, row: Row, label: str, data: ClassificationData):
        self.row, self.label, self.data = row, label, data

    @cached_property
    def nets(self) -> list[nn.Module]:
        pairs = zip(self.row.seeds, self.row.folders, strict=True)
        runs = [(replace(self.row.run, seed=seed), folder) for seed, folder in pairs]
        return [build.trained_model(run, self.data, folder).double() for run, folder in runs]

    @cached_property
    def test_layers(self) -> list[list[np.ndarray]]:
        """Of every seed: z of the test points, (N, width), at the input and at each layer."""
        return [self._layers(net, self.data.test) for net in self.nets]

    @cached_property
    def train_layers(self) -> list[list[np.ndarray]]:
        return [self._layers(net, self.data.train) for net in self.nets]

    def seed(self, place: int) -> str:
        """E.g. "Bregman, seed 0: test accuracy 98.6 %"."""
        accuracy = self.row.runs["accuracy"].iloc[place]
        return f"{self.label}, seed {self.row.seeds[place]}: test accuracy {100 * accuracy:.1f} %"

    def _layers(self, net: nn.Module, split: Split) -> list[np.ndarray]:
        return [z.numpy() for z in representations(net, split.x[:POINTS].double())]


class Subject:
    """Twins: rows that differ in their version alone, on one data set."""

    def __init__(self, rows: Sequence[Row], data: ClassificationData):
        self.data = data
        self.rows = [Networks(row, label_of(row, rows), data) for row in rows]

    @property
    def name(self) -> str:
        row = self.rows[0].row
        return f"{row.architecture}, {row.act}, {row.epochs} epochs"

    @property
    def labels(self) -> np.ndarray:
        return self.data.test.y[:POINTS].numpy()

    @property
    def points(self) -> str:
        return f"{len(self.labels)} test points of {self.data.label}"

    @property
    def seeds(self) -> str:
        """E.g. "standard: 3 seeds, Bregman: 1 seed"."""
        counts = [(row.label, len(row.row.seeds)) for row in self.rows]
        return ", ".join(f"{label}: {n} seed{'s' * (n > 1)}" for label, n in counts)

    @property
    def in_the_plane(self) -> bool:
        """Whether the samples are points in the plane, of two classes."""
        return tuple(self.data.test.x.shape[1:]) == (2,) and self.data.num_classes == 2

    @property
    def stays_in_the_plane(self) -> bool:
        """Whether all layers have two neurons besides."""
        return self.in_the_plane and set(self.rows[0].row.widths) == {2}

    @property
    def keeps_a_width(self) -> bool:
        """Whether some layer has as many neurons as the one before it."""
        widths = [self.data.test.x[0].numel(), *self.rows[0].row.widths]
        return any(a == b for a, b in pairwise(widths))

    @property
    def most_panels(self) -> int:
        """Layers of a network in one picture, which is to fit on a page."""
        return 8 if len(self.rows) <= 2 else 5

    def shown(self) -> list[tuple[Networks, int]]:
        """Each row with the place of the seed that is shown: the first all have, else its own first."""
        common = set.intersection(*(set(row.row.seeds) for row in self.rows))
        return [(row, row.row.seeds.index(min(common)) if common else 0) for row in self.rows]

    def traced(
        self,
        places: Sequence[int],
        limits: Callable[[nn.Module, np.ndarray], Limits],
        grid: Callable[[nn.Module, int, Limits], np.ndarray] | None = None,
    ) -> list[Traced]:
        """What is shown of each row's seed at these layers."""
        found = []
        for row, place in self.shown():
            net, layers = row.nets[place], row.test_layers[place]
            frames = [limits(net, layers[i]) for i in places]
            grids = [grid(net, i, limit) for i, limit in zip(places, frames, strict=True)] if grid else []
            points = [layers[i] for i in places]
            found.append(Traced(row.seed(place), places, points, frames, grids))
        return found


def subjects_of(rows: Iterable[Row]) -> tuple[list[Subject], list[str]]:
    """The MLPs among the rows, and a sentence for each group of them that cannot be loaded."""
    found, failed = [], []
    data: dict[str, ClassificationData] = {}
    for group in twins(row for row in rows if isinstance(row.run.model, Mlp)):
        first = group[0]
        try:
            if first.fingerprint not in data:
                loaded = build.dataset(first.run)
                build.check_same_data(loaded, first.folders[0])
                data[first.fingerprint] = loaded
            subject = Subject(group, data[first.fingerprint])
            for networks in subject.rows:
                networks.nets  # noqa: B018  a checkpoint that is missing is told now
        except (ValueError, OSError) as error:
            failed.append(str(error).rstrip("."))
        else:
            found.append(subject)
    return found, failed


def limits_of(net: nn.Module, z: np.ndarray) -> Limits:
    return frame(z, *primal_range(net))


def class_1(logits: torch.Tensor) -> np.ndarray:
    """(n·n, 2) logits -> (n, n) probabilities of class 1."""
    side = math.isqrt(len(logits))
    return logits.softmax(dim=1)[:, 1].view(side, side).numpy()


def curves_of(subject: Subject, values: Sequence[Sequence[Sequence[float]]]) -> list[Curve]:
    """A curve a row from (seeds, layers) figures, by layer from 0."""
    labels = [row.label for row in subject.rows]
    strokes = strokes_of(labels, [row.row.version for row in subject.rows])
    return [
        Curve(label, strokes[label], np.arange(len(seeds[0])), np.array(seeds, float))
        for label, seeds in zip(labels, values, strict=True)
    ]
