"""Pictures of adversarial examples, from the arrays of adversarial/<attack>.npz alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bregman_exp.analysis.figures.panels import REGIONS, cell_centres, shade
from bregman_exp.analysis.figures.style import BLUE, VERMILION, class_marks, draw_arrows, scatter

Arrays = Mapping[str, np.ndarray]  # clean, adversarial, label, prediction (clean), adversarial_prediction
NAME_WIDTH = 14  # letters of a class name that fit over an image
IMAGE_INCHES, LINE_INCHES = 1.25, 0.2  # an image's width, a line of text's height
TITLE_LETTERS, DOTS = 10, 150  # in an inch
BEYOND = 1e-6  # how far a verified adversarial point may leave [0, 1]: float32 rounding
CELLS = 200  # a side of the grid behind points
MARGIN = 0.02  # around the outermost points, so that they are whole
NAMES_ARE_TEXT: Any = {"text.parse_math": False}  # a $ in the name of a class is no mathematics


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_images(
    path: Path, arrays: Arrays, class_names: Sequence[str] | None = None, title: str = "", most: int = 8
) -> None:
    """A column a sample: clean image, perturbation, adversarial image, and the network's answers.

    The perturbation δ is shown as ½ + δ / (2 max|δ|), the maximum over all samples shown, so that they can be
    compared; its factor 1 / (2 max|δ|) stands beside it. At most ``most`` samples are shown: first those
    the attack turned, then those it did not, then those that were wrong before.

    Shapes: samples (n, C, H, W) float in [0, 1], C = 1 or 3; classes (n,), −1 for no finite answer;
    ``class_names`` by class (default: their numbers). Raises ValueError otherwise.
    """
    clean, adversarial, *classes = _checked(arrays, 4, (1, 3), "images", "(n, 1 or 3, height, width)")
    highest = max(int(given.max()) for given in classes)
    names = list(map(str, range(highest + 1))) if class_names is None else class_names
    _require(highest < len(names), f"class {highest} has no name; {len(names)} names are given")
    _require(most >= 1, f"most={most}: show at least 1 sample")
    right = [prediction == classes[0] for prediction in classes[1:]]
    shown = np.argsort(np.where(right[0], right[1], 2), kind="stable")[:most]
    names = [*(fill(name, NAME_WIDTH) for name in names), "no class"]  # the last is that of −1
    label, before, after = ([names[max(i, -1)] for i in given[shown]] for given in classes)
    wrong = [f"{name}\n(is {true})" for name, true in zip(before, label, strict=True)]
    before = list(np.where(right[0][shown], before, wrong))
    figure = _figure_for(clean.shape, len(shown), title, before, after)
    panels = figure.subplots(3, len(shown), squeeze=False)
    _show_images(panels, clean[shown], adversarial[shown])
    for row, answers, good in ((0, before, right[0]), (2, after, right[1])):
        for panel, answer, mark in zip(panels[row], answers, np.where(good[shown], "✓", "✗"), strict=True):
            panel.set_title(f"{mark} {answer}", color=BLUE if mark == "✓" else VERMILION, fontsize=9)
    _write(figure, path)


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_points(
    path: Path, arrays: Arrays, title: str = "", probability: Callable[[np.ndarray], np.ndarray] | None = None
) -> None:
    """Points of the plane, an arrow from each to its adversarial point, a cross where that is misclassified.

    ``probability``: of class 1, (n,), by the network at points (n, 2); shown behind the points, with the
    decision boundary where it is ½.

    Shapes: samples (n, 2) float in [0, 1]; labels (n,) of 0 and 1. Raises ValueError otherwise.
    """
    clean, adversarial, labels, _, after = _checked(arrays, 2, (2,), "points", "(n, 2)")
    _require(set(labels.tolist()) <= {0, 1}, "labels must be 0 or 1")
    figure = Figure(figsize=(6.5, 7.2), layout="constrained")
    panel, moves, right = figure.subplots(), adversarial - clean, after == labels
    points = np.concatenate([clean, adversarial])
    low, high = points.min(axis=0), points.max(axis=0)
    (x, y), half = (low + high) / 2, float((high - low).max()) / 2 + MARGIN
    view = (float(x - half), float(x + half)), (float(y - half), float(y + half))
    entries = class_marks("true class")
    if probability is not None:
        shade(panel, probability(cell_centres(view, CELLS)), view)
        entries += [Patch(color=REGIONS(float(i)), label=f"predicted as class {i}") for i in range(2)]
        entries.append(Line2D([], [], color="black", lw=0.9, label="decision boundary"))
    for among, colour in ((right, "#909090"), (~right, "#303030")):
        moved = among & (moves != 0).any(axis=1)  # an arrow of no length would be drawn as a dot
        look = {"width": 0.0022, "headwidth": 4, "headlength": 5, "minlength": 0.1}
        draw_arrows(panel, clean[moved], moves[moved], color=colour, zorder=2, **look)
    scatter(panel, clean, labels, 14, zorder=3)
    wrong: Any = {"c": "black", "marker": "x", "linewidths": 1, "label": "wrong under attack"}
    crosses = panel.scatter(*adversarial[~right].T, s=22, zorder=4, **wrong)
    panel.set(xlim=view[0], ylim=view[1], aspect="equal", xlabel="x₁ (data in [0, 1])", ylabel="x₂")
    figure.suptitle(fill(title, int(TITLE_LETTERS * figure.get_figwidth())), fontsize=11)
    figure.legend(handles=[*entries, crosses], loc="outside lower center", ncols=3, frameon=False)
    _write(figure, path)


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(f"{sentence}.")


def _checked(
    arrays: Arrays, dims: int, channels: Sequence[int], samples: str, shape: str
) -> tuple[np.ndarray, ...]:
    """clean, adversarial, label, prediction, adversarial_prediction."""
    clean, adversarial = arrays["clean"], arrays["adversarial"]
    classes = [arrays[name] for name in ("label", "prediction", "adversarial_prediction")]
    fits = clean.ndim == dims and clean.shape[1] in channels and len(clean) > 0
    _require(fits, f"{samples} of shape {clean.shape}: give {shape}, n ≥ 1")
    shapes = f"clean is {clean.shape} and adversarial {adversarial.shape}: give equal shapes"
    _require(clean.shape == adversarial.shape, shapes)
    for name, values in (("clean", clean), ("adversarial", adversarial)):
        lo, hi = float(values.min()), float(values.max())
        inside = values.dtype.kind == "f" and lo >= -BEYOND and hi <= 1 + BEYOND
        _require(inside, f"{name} is {values.dtype} in [{lo:g}, {hi:g}]; give floats in [0, 1]")
    one_each = all(given.shape == (len(clean),) for given in classes)
    _require(one_each, f"labels and predictions must have shape ({len(clean)},), one of each for a sample")
    return clean, adversarial, *classes


def _figure_for(
    shape: tuple[int, ...], columns: int, title: str, before: Sequence[str], after: Sequence[str]
) -> Figure:
    """An empty figure with its title, as large as three rows of images (n, C, H, W) and the text need."""
    width = 1 + IMAGE_INCHES * columns
    title = fill(title, int(TITLE_LETTERS * width))
    lines = sum(max(text.count("\n") + 1 for text in row) for row in (before, after, [title]))
    height = 3 * IMAGE_INCHES * shape[2] / shape[3] + LINE_INCHES * lines
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


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


def _write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS)
