"""Pictures, from arrays alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion: told apart by the colour-blind, and in grey by the marker's shape
BLUE, VERMILION = "#0072B2", "#D55E00"
REGIONS = LinearSegmentedColormap.from_list("regions", ["#9EC9E8", "#FFFFFF", "#F5C4A1"])


@dataclass(frozen=True)
class Regions:
    """A classifier of the plane: its probability of class 1 on a grid over [0, 1]², (n, n), rows by y."""

    title: str
    probability: np.ndarray


def decision_regions(
    points: np.ndarray, labels: np.ndarray, classifiers: Sequence[Regions], path: Path
) -> None:
    """The data alone, then over each classifier's regions; written to ``path`` (format by its ending).

    Shapes: points (N, 2) in [0, 1]; labels (N,) of 0 and 1.
    """
    figure = Figure(figsize=(4 * (1 + len(classifiers)), 4.3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, 1 + len(classifiers), sharex=True, sharey=True))
    _show_points(panels[0], points, labels, "two-spiral test set")
    for panel, classifier in zip(panels[1:], classifiers, strict=True):
        _show_regions(panel, classifier.probability)
        _show_points(panel, points, labels, classifier.title)
    panels[0].legend(loc="upper right", framealpha=0.9)
    figure.supxlabel("shading: probability of class 1, white at ½; line: decision boundary", fontsize=9)
    figure.get_layout_engine().set(wspace=0.06)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue]
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _show_points(panel: Axes, points: np.ndarray, labels: np.ndarray, title: str) -> None:
    for label, colour, marker in ((0, BLUE, "o"), (1, VERMILION, "^")):
        x, y = points[labels == label].T
        panel.scatter(x, y, s=9, c=colour, marker=marker, linewidths=0, label=f"class {label}")
    panel.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def _show_regions(panel: Axes, probability: np.ndarray) -> None:
    panel.imshow(
        probability,
        origin="lower",
        extent=(0, 1, 0, 1),
        cmap=REGIONS,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
    )
    centres = (np.arange(len(probability)) + 0.5) / len(probability)
    panel.contour(centres, centres, probability, levels=[0.5], colors="black", linewidths=0.8)
