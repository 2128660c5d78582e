"""Networks to look into: trained twins, their data, and the representations of these in each layer."""

from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from torch import nn

from bregman_exp import build
from bregman_exp.analysis.figures.album import Groups
from bregman_exp.analysis.figures.rows import architecture_of, labelled, own
from bregman_exp.analysis.names import Frame
from bregman_exp.data import ClassificationData, Split
from bregman_exp.models.trace import representations
from bregman_exp.runs import RunFolder

POINTS = 2000  # samples at most, of the training and of the test data


class Networks:
    """Runs that differ in version and seed alone: ``runs`` has a line for each network, with its ``label``.

    Data and networks are loaded when they are needed; ``datasets``: those loaded before, by fingerprint.
    Loading raises ValueError or OSError, in one sentence, where a file is missing or of another run.
    """

    def __init__(self, runs: Frame, datasets: dict[str, ClassificationData]):
        self.runs, self._datasets = runs, datasets
        self.widths: list[int] = list(runs["stored"].iloc[0].model.hidden)

    @cached_property
    def data(self) -> ClassificationData:
        fingerprint, stored, run = self.runs.iloc[0][["fingerprint", "stored", "run"]]
        if fingerprint not in self._datasets:
            data = build.dataset(stored)
            build.check_same_data(data, RunFolder(Path(run)))
            self._datasets[fingerprint] = data
        return self._datasets[fingerprint]

    @cached_property
    def nets(self) -> list[nn.Module]:
        """In float64, so that pictures show no rounding."""
        return [
            build.trained_model(replace(stored, seed=int(seed)), self.data, RunFolder(Path(path))).double()
            for stored, seed, path in self.runs[["stored", "seed", "run"]].itertuples(index=False)
        ]

    @cached_property
    def layers(self) -> list[list[np.ndarray]]:
        """For each network z of the test points, (N, width), at the input and after each layer."""
        return self.layers_of(self.data.test)

    def layers_of(self, split: Split) -> list[list[np.ndarray]]:
        x = split.x[:POINTS].double()
        return [[z.numpy() for z in representations(net, x)] for net in self.nets]

    @property
    def labels(self) -> np.ndarray:
        """The classes of the test points, (N,)."""
        return self.data.test.y[:POINTS].numpy()

    @property
    def points(self) -> str:
        return f"{len(self.labels)} test points of {self.data.label}"

    @property
    def shown(self) -> dict[int, str]:
        """One network for each label, of the first seed that all have, else each label's first; with a title,
        e.g. "Bregman, seed 0: test accuracy 98.6 %"."""
        counts = self.runs["seed"].value_counts()
        common = counts.index[counts == self.runs["label"].nunique()]
        runs = self.runs[self.runs["seed"] == common.min()] if len(common) else self.runs
        runs = runs.drop_duplicates("label")[["label", "seed", "accuracy"]]
        return {i: f"{name}, seed {n}: test accuracy {100 * a:.1f} %" for i, name, n, a in runs.itertuples()}

    def in_the_plane(self) -> bool:
        """Whether the samples are points in the plane, of two classes."""
        return tuple(self.data.test.x.shape[1:]) == (2,) and self.data.num_classes == 2

    def two_neurons(self) -> bool:
        """Whether all layers have two neurons besides."""
        return self.in_the_plane() and set(self.widths) == {2}

    def keep_a_width(self) -> bool:
        """Whether some layer has as many neurons as the one before it."""
        return any(a == b for a, b in pairwise([self.data.test.x[0].numel(), *self.widths]))


# what networks a kind needs, and the sentence where there are none
PLANE = (Networks.in_the_plane, "no run is an MLP on points in the plane of two classes")
TWO_NEURONS = (
    Networks.two_neurons,
    "no run is an MLP with layers of 2 neurons (model.width=2) on points in the plane of two classes",
)
KEEPS_A_WIDTH = (Networks.keep_a_width, "no run is an MLP with a layer that keeps the width")


def twins(lines: Frame) -> Groups:
    """The MLPs among the runs, each group named e.g. "MLP, 3 × 2, random start, atan, 500 epochs"."""
    datasets: dict[str, ClassificationData] = {}
    runs, groups = own(lines), Groups()
    for _, group in runs[runs["twins"] != ""].groupby(["twins", "weights"], sort=False):
        group = labelled(group).reset_index(drop=True)
        act, label = group.iloc[0][["act", "label"]]
        epochs = group.loc[group["label"] == label, "epochs"].max()
        groups.append((f"{architecture_of(group)}, {act}, {epochs} epochs", Networks(group, datasets)))
    return groups
