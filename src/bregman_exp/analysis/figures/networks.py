"""Networks to look into: trained twins, their data, and the representations of these in each layer.

The only file of figures that knows torch, and it imports it on first use: other pictures do without.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bregman_exp.analysis.figures.album import Groups
from bregman_exp.analysis.figures.rows import labelled, own, title_of
from bregman_exp.analysis.formats import counted
from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Facts, Frame
from bregman_exp.runs import RunFolder
from bregman_exp.runs.record import Version

if TYPE_CHECKING:
    from torch import nn

    from bregman_exp.config import Run
    from bregman_exp.data import ClassificationData, Split

POINTS = 2000  # samples at most, of the training and of the test data


class Networks:
    """Runs that differ in version and seed alone: ``runs`` has a line for each network, with its ``label``.

    Data and networks are loaded when they are needed; ``datasets``: those loaded before, by fingerprint.
    Loading raises ValueError or OSError, in one sentence, where a file is missing or of another run.
    """

    def __init__(self, runs: Frame, datasets: "dict[str, ClassificationData]"):
        self.runs, self._datasets = runs, datasets
        self.fault: str = runs["fault"].iloc[0]

    @property
    def stored(self) -> "Run":
        """The config of the first run."""
        if self.fault:
            raise ValueError(self.fault)
        return self.runs["stored"].iloc[0]

    @cached_property
    def data(self) -> "ClassificationData":
        stored, (fingerprint, run) = self.stored, self.runs.iloc[0][["fingerprint", "run"]]
        if fingerprint not in self._datasets:
            from bregman_exp import build

            data = build.dataset(stored)
            build.check_same_data(data, RunFolder(Path(run)))
            self._datasets[fingerprint] = data
        return self._datasets[fingerprint]

    @cached_property
    def nets(self) -> "list[nn.Module]":
        """In float64, so that pictures show no rounding."""
        from bregman_exp import build

        return [
            build.trained_model(replace(stored, seed=int(seed)), self.data, RunFolder(Path(path))).double()
            for stored, seed, path in self.runs[["stored", "seed", "run"]].itertuples(index=False)
        ]

    @cached_property
    def layers(self) -> list[list[np.ndarray]]:
        """For each network z of the test points, (N, width), at the input and after each layer."""
        return self.layers_of(self.data.test)

    def layers_of(self, split: "Split") -> list[list[np.ndarray]]:
        from bregman_exp.data import as_unit
        from bregman_exp.models.trace import representations

        x = as_unit(split.x[:POINTS]).double()
        return [[z.numpy() for z in representations(net, x)] for net in self.nets]

    def probability(self, i: int, points: np.ndarray, place: int | None = None) -> np.ndarray:
        """Of class 1, (n,), by network i at points (n, 2): of the data, or with ``place`` = l of the z⁽ˡ⁾."""
        return self.probabilities(i, points, place)[:, 1]

    def probabilities(self, i: int, points: np.ndarray, place: int | None = None) -> np.ndarray:
        """Of each class, (n, K), as ``probability``."""
        import torch

        from bregman_exp.models.trace import logits_from

        cells = torch.from_numpy(points)
        logits = self.nets[i](cells).detach() if place is None else logits_from(self.nets[i], place, cells)
        return logits.softmax(dim=1).numpy()

    def regression(self, i: int, points: np.ndarray) -> np.ndarray:
        """f, (n,), of network i at points (n, d), trained with training=squared_error."""
        import torch

        logits = self.nets[i](torch.from_numpy(points)).detach()
        # logit_k is −(f − v_k)², and the first and the last value are 0 and 1
        return ((1 + logits[:, -1] - logits[:, 0]) / 2).numpy()

    @property
    def is_regression(self) -> bool:
        return self.stored.training.objective == "squared_error"

    @property
    def on_line(self) -> bool:
        """Whether the samples are numbers."""
        return tuple(self.data.test.x.shape[1:]) == (1,)

    def moves(self, i: int, place: int, z: np.ndarray) -> np.ndarray:
        """z′ − z, (n, 2), of points z (n, 2) that layer ``place`` + 1 of network i maps to z′."""
        import torch

        from bregman_exp.models.trace import layer_map

        return layer_map(self.nets[i], place, torch.from_numpy(z)).numpy() - z

    def primal_range(self, i: int) -> tuple[float, float]:
        """(lo, hi) of every coordinate of z."""
        from bregman_exp.models.trace import primal_range

        return primal_range(self.nets[i])

    @property
    def widths(self) -> list[int]:
        """Of the hidden layers."""
        return self.stored.model.hidden  # pyright: ignore[reportAttributeAccessIssue]  # an MLP's

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
        e.g. "bregman_mlp (atan), zero start, seed 0: test accuracy 98.6 %"."""
        counts = self.runs["seed"].value_counts()
        common = counts.index[counts == self.runs["label"].nunique()]
        runs = self.runs[self.runs["seed"] == common.min()] if len(common) else self.runs
        runs = runs.drop_duplicates("label")[["label", "seed", "accuracy"]]
        return {i: f"{name}, seed {n}: test accuracy {100 * a:.1f} %" for i, name, n, a in runs.itertuples()}

    def check_plane(self, *, layers: bool = False) -> None:
        """ValueError unless the samples are points in the plane, of two classes, and with ``layers`` each
        layer has two neurons."""
        if tuple(self.data.test.x.shape[1:]) != (2,) or self.data.num_classes != 2:
            raise ValueError("the data are not points in the plane of two classes")
        if layers and set(self.widths) != {2}:
            raise ValueError("not all layers have 2 neurons (model.width=2)")


def twins(lines: Frame) -> Groups:
    """The MLPs among the runs; rows that differ in version alone are a group."""
    datasets: dict[str, ClassificationData] = {}
    mlps = own(lines[lines["init"] != ""])
    if mlps.empty:
        return []
    runs = pd.concat([row.assign(**_stored(row)) for _, row in mlps.groupby(ROW, sort=False)])
    groups = Groups()
    for _, group in runs.groupby("twins", sort=False):
        epochs: Any = group["epochs"].max()
        name = f"{title_of(group)}, {counted(epochs, 'epoch')}"
        groups.append((name, Networks(labelled(group).reset_index(drop=True), datasets)))
    return groups


def _stored(row: Frame) -> Facts:
    """The config of a row, and a hash that its twins share; ``fault``: why its networks cannot be loaded."""
    first = row.iloc[0]
    missing = {"stored": None, "twins": f"{first['row']} {first['weights']}"}
    if not all(RunFolder(Path(run)).checkpoint(first["weights"]).exists() for run in row["run"]):
        return missing | {"fault": f"a run has no checkpoints/{first['weights']}.ckpt"}
    from bregman_exp import build
    from bregman_exp.config import config_hash

    try:
        stored = build.stored_run(RunFolder(Path(first["run"])))
    except (ValueError, OSError):
        return missing | {"fault": "their config is of another version of this program"}
    standard = replace(stored, model=replace(stored.model, version=Version.STANDARD.value))
    twins = config_hash(standard, first["act"], first["fingerprint"], with_seed=False)
    return {"stored": stored, "twins": f"{twins} {first['weights']}", "fault": ""}
