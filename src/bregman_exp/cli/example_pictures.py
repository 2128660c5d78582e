"""Pictures of adversarial examples, from the arrays of adversarial/<attack>.npz alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bregman_exp.analysis.figures.panels import REGIONS, cell_centres, shade
from bregman_exp.analysis.figures.style import (
    BLUE,
    VERMILION,
    boundary_mark,
    class_marks,
    draw_arrows,
    scatter,
)

Arrays = Mapping[str, np.ndarray]  # clean, adversarial, label, prediction (clean), adversarial_prediction
MOST = 8  # samples in a picture of images
NAME_WIDTH = 14  # letters of a class name that fit over an image
IMAGE_INCHES, LINE_INCHES = 1.25, 0.2  # an image's width, a line of text's height
TITLE_LETTERS, DOTS = 10, 150  # in an inch
CELLS = 200  # a side of the grid behind points
MARGIN = 0.02  # around the outermost points, so that they are whole
NAMES_ARE_TEXT: Any = {"text.parse_math": False}  # a $ in the name of a class is no mathematics


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_images(path: Path, arrays: Arrays, class_names: Sequence[str], title: str) -> None:
    """A column a sample: clean image, perturbation, adversarial image, and the network's answers.

    The perturbation δ is shown as ½ + δ / (2 max|δ|), the maximum over all samples shown, so that they can be
    compared; its factor 1 / (2 max|δ|) stands beside it. At most ``MOST`` samples are shown: first those
    the attack turned, then those it did not, then those that were wrong before.

    Shapes: samples (n, C, H, W) float in [0, 1], C = 1 or 3; classes (n,), −1 for no finite answer.
    """
    classes = [arrays[name] for name in ("label", "prediction", "adversarial_prediction")]
    right = [prediction == classes[0] for prediction in classes[1:]]
    shown = np.argsort(np.where(right[0], right[1], 2), kind="stable")[:MOST]
    names = [*(fill(name, NAME_WIDTH) for name in class_names), "no class"]  # the last is that of −1
    label, before, after = ([names[max(i, -1)] for i in given[shown]] for given in classes)
    wrong = [f"{name}\n(is {true})" for name, true in zip(before, label, strict=True)]
    before = list(np.where(right[0][shown], before, wrong))
    clean, adversarial = arrays["clean"][shown], arrays["adversarial"][shown]
    width = 1 + IMAGE_INCHES * len(shown)
    title = fill(title, int(TITLE_LETTERS * width))
    lines = sum(max(text.count("\n") + 1 for text in row) for row in (before, after, [title]))
    height = 3 * IMAGE_INCHES * clean.shape[2] / clean.shape[3] + LINE_INCHES * lines
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(3, len(shown), squeeze=False)
    _show_images(panels, clean, adversarial)
    for row, answers, good in ((0, before, right[0]), (2, after, right[1])):
        for panel, answer, mark in zip(panels[row], answers, np.where(good[shown], "✓", "✗"), strict=True):
            panel.set_title(f"{mark} {answer}", color=BLUE if mark == "✓" else VERMILION, fontsize=9)
    _write(figure, path, title)


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_points(
    path: Path, arrays: Arrays, title: str, probability: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Points of the plane over the network's decision regions, an arrow from each to its adversarial point, a
    cross where that is misclassified.

    Shapes: samples (n, 2) float in [0, 1]; labels (n,) of 0 and 1; ``probability``, of class 1 by the
    network: points (m, 2) -> (m,).
    """
    clean, adversarial, labels = (arrays[name] for name in ("clean", "adversarial", "label"))
    right, moves = arrays["adversarial_prediction"] == labels, adversarial - clean
    figure = Figure(figsize=(6.5, 7.2), layout="constrained")
    panel = figure.subplots()
    points = np.concatenate([clean, adversarial])
    low, high = points.min(axis=0), points.max(axis=0)
    (x, y), half = (low + high) / 2, float((high - low).max()) / 2 + MARGIN
    view = (float(x - half), float(x + half)), (float(y - half), float(y + half))
    shade(panel, probability(cell_centres(view, CELLS)), view)
    for among, colour in ((right, "#909090"), (~right, "#303030")):
        moved = among & (moves != 0).any(axis=1)  # an arrow of no length would be drawn as a dot
        look = {"width": 0.0022, "headwidth": 4, "headlength": 5, "minlength": 0.1}
        draw_arrows(panel, clean[moved], moves[moved], color=colour, zorder=2, **look)
    scatter(panel, clean, labels, 14, zorder=3)
    wrong: Any = {"c": "black", "marker": "x", "linewidths": 1, "label": "wrong under attack"}
    crosses = panel.scatter(*adversarial[~right].T, s=22, zorder=4, **wrong)
    panel.set(xlim=view[0], ylim=view[1], aspect="equal", xlabel="x₁ (data in [0, 1])", ylabel="x₂")
    regions = [Patch(color=REGIONS(float(i)), label=f"predicted as class {i}") for i in range(2)]
    handles = [*class_marks("true class"), *regions, boundary_mark(), crosses]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    _write(figure, path, fill(title, int(TITLE_LETTERS * figure.get_figwidth())))


def _show_images(panels: np.ndarray, clean: np.ndarray, adversarial: np.ndarray) -> None:
    change = adversarial.astype(float) - clean
    largest = float(np.abs(change).max())
    factor = 0.5 / largest if largest else 1.0
    size = f"× {factor:.3g}\nlargest {largest:.3g}" if largest else "none"
    rows = {"clean": clean, f"perturbation\n{size}": 0.5 + factor * change, "adversarial": adversarial}
    for row, (name, images) in zip(panels, rows.items(), strict=True):
        row[0].set_ylabel(name, fontsize=9)
        for panel, image in zip(row, images, strict=True):
            pixels = np.clip(image.transpose(1, 2, 0), 0, 1)  # ½ ± ½ may miss an end by a rounding
            panel.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            panel.set(xticks=(), yticks=())


def _write(figure: Figure, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS)
