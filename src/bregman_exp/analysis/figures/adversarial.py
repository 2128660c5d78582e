"""Pictures of adversarial examples, from arrays alone."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.style import BLUE, VERMILION

RIGHT, WRONG = "✓", "✗"  # beside the colours, for prints in grey
NAME_WIDTH = 14  # letters of a class name that fit over an image
IMAGE_INCHES, LINE_INCHES = 1.25, 0.2  # an image's width, a line of text's height
TITLE_LETTERS = 10  # in an inch
BEYOND = 1e-6  # how far a verified adversarial point may leave [0, 1]: float32 rounding
MARGIN = 0.02  # around the outermost points, so that they are whole
NAMES_ARE_TEXT: Any = {"text.parse_math": False}  # a $ in the name of a class is no mathematics


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_images(
    path: Path,
    clean: np.ndarray,
    adversarial: np.ndarray,
    labels: np.ndarray,
    predicted_clean: np.ndarray,
    predicted_adversarial: np.ndarray,
    class_names: Sequence[str] | None = None,
    title: str = "",
    most: int = 8,
) -> None:
    """A column a sample: clean image, perturbation, adversarial image, and what the network takes them for.

    The perturbation δ is shown as ½ + δ / (2 max|δ|), the maximum over all samples shown, so that they can be
    compared; its factor 1 / (2 max|δ|) stands beside it. At most ``most`` samples are shown: first those
    the attack turned, then those it did not, then those that were wrong before.

    Shapes: clean, adversarial (n, C, H, W) float in [0, 1], C = 1 or 3; labels and predictions (n,) classes;
    ``class_names`` by class (default: their numbers). Raises ValueError otherwise.
    """
    _check_images(clean, adversarial, labels, predicted_clean, predicted_adversarial, class_names, most)
    was_right, is_right = predicted_clean == labels, predicted_adversarial == labels
    shown = np.argsort(np.where(was_right, is_right, 2), kind="stable")[:most]
    change = adversarial[shown].astype(float) - clean[shown]
    factor, size = _magnified(float(np.abs(change).max()))
    after = [_name(int(label), class_names) for label in predicted_adversarial[shown]]
    before = [_name(int(label), class_names) for label in predicted_clean[shown]]
    for column in np.flatnonzero(~was_right[shown]):  # the label is not what stands there
        before[column] += f"\n(is {_name(int(labels[shown[column]]), class_names)})"
    figure = _figure_for(clean.shape, len(shown), title, before, after)
    panels = figure.subplots(3, len(shown), squeeze=False)
    for column, sample in enumerate(shown):
        _show_image(panels[0, column], clean[sample])
        _show_image(panels[1, column], 0.5 + factor * change[column])
        _show_image(panels[2, column], adversarial[sample])
        for place, names, right in ((0, before, was_right), (2, after, is_right)):
            _say(panels[place, column], names[column], bool(right[sample]))
    for panel, words in zip(panels[:, 0], ("clean", f"perturbation\n{size}", "adversarial"), strict=True):
        panel.set_ylabel(words, fontsize=9)
    _write(figure, path)


@mpl.rc_context(NAMES_ARE_TEXT)
def adversarial_points(
    path: Path,
    clean: np.ndarray,
    adversarial: np.ndarray,
    labels: np.ndarray,
    right: np.ndarray,
    title: str = "",
) -> None:
    """Points of the plane, an arrow from each to its adversarial point, a cross where that is taken wrongly.

    Shapes: clean, adversarial (n, 2) float in [0, 1]; labels (n,) of 0 and 1; right (n,) bool: whether the
    adversarial point is still classified rightly. Raises ValueError otherwise.
    """
    _check_points(clean, adversarial, labels, right)
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    panel = figure.subplots()
    _show_arrows(panel, clean[right], adversarial[right], "#B0B0B0")
    _show_arrows(panel, clean[~right], adversarial[~right], "#404040")
    for label, colour, marker in ((0, BLUE, "o"), (1, VERMILION, "^")):
        x, y = clean[labels == label].T
        panel.scatter(x, y, s=14, c=colour, marker=marker, linewidths=0, zorder=3, label=f"class {label}")
    x, y = adversarial[~right].T
    panel.scatter(x, y, s=22, c="black", marker="x", linewidths=1, zorder=4, label="wrong under attack")
    xlim, ylim = _square_around(np.concatenate([clean, adversarial]))
    panel.set(xlim=xlim, ylim=ylim, aspect="equal")
    figure.suptitle(title, fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    _write(figure, path)


def _magnified(largest: float) -> tuple[float, str]:
    """The factor that shows a perturbation, and what is said of it."""
    factor = 0.5 / largest if largest else 1.0
    return factor, f"× {factor:.3g}\nlargest {largest:.3g}" if largest else "none"


def _check_images(
    clean: np.ndarray,
    adversarial: np.ndarray,
    labels: np.ndarray,
    predicted_clean: np.ndarray,
    predicted_adversarial: np.ndarray,
    class_names: Sequence[str] | None,
    most: int,
) -> None:
    if clean.ndim != 4 or clean.shape[1] not in (1, 3) or len(clean) == 0:
        raise ValueError(f"images of shape {clean.shape}: give (n, 1 or 3, height, width), n ≥ 1.")
    _check_in_box(clean, adversarial)
    classes = (labels, predicted_clean, predicted_adversarial)
    if any(given.shape != (len(clean),) for given in classes):
        raise ValueError(f"labels and predictions must have shape ({len(clean)},), one of each for an image.")
    highest = max(int(given.max()) for given in classes)
    if class_names is not None and highest >= len(class_names):
        raise ValueError(f"class {highest} has no name; {len(class_names)} names are given.")
    if most < 1:
        raise ValueError(f"most={most}: show at least 1 sample.")


def _check_points(clean: np.ndarray, adversarial: np.ndarray, labels: np.ndarray, right: np.ndarray) -> None:
    if clean.ndim != 2 or clean.shape[1] != 2 or len(clean) == 0:
        raise ValueError(f"points of shape {clean.shape}: give (n, 2), n ≥ 1.")
    _check_in_box(clean, adversarial)
    if labels.shape != (len(clean),) or not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1, one for each point.")
    if right.shape != (len(clean),) or right.dtype != bool:
        raise ValueError(f"right is {right.dtype} of shape {right.shape}; give a boolean for each point.")


def _check_in_box(clean: np.ndarray, adversarial: np.ndarray) -> None:
    if clean.shape != adversarial.shape:
        raise ValueError(f"clean is {clean.shape} and adversarial {adversarial.shape}: give equal shapes.")
    for name, values in (("clean", clean), ("adversarial", adversarial)):
        if values.dtype.kind != "f" or not ((values >= -BEYOND) & (values <= 1 + BEYOND)).all():
            lo, hi = float(values.min()), float(values.max())
            raise ValueError(f"{name} is {values.dtype} in [{lo:g}, {hi:g}]; give floats in [0, 1].")


def _figure_for(
    shape: tuple[int, ...], columns: int, title: str, before: Sequence[str], after: Sequence[str]
) -> Figure:
    """An empty figure with its title, as large as three rows of images (n, C, H, W) and the words need."""
    width = 1 + IMAGE_INCHES * columns
    title = fill(title, int(TITLE_LETTERS * width))
    lines = sum(max(words.count("\n") + 1 for words in row) for row in (before, after, [title]))
    height = 3 * IMAGE_INCHES * shape[2] / shape[3] + LINE_INCHES * lines
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


def _name(label: int, class_names: Sequence[str] | None) -> str:
    """The class's name, in lines that fit over an image; a negative label is the harness's for no answer."""
    if label < 0:
        return "no class"
    return str(label) if class_names is None else fill(class_names[label], NAME_WIDTH)


def _show_image(panel: Axes, image: np.ndarray) -> None:
    """(C, H, W) with values in [0, 1], pixel by pixel."""
    pixels = np.clip(image.transpose(1, 2, 0), 0, 1)  # ½ ± ½ may miss an end by a rounding
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set(xticks=(), yticks=())


def _say(panel: Axes, name: str, right: bool) -> None:
    mark, colour = (RIGHT, BLUE) if right else (WRONG, VERMILION)
    panel.set_title(f"{mark} {name}", color=colour, fontsize=9)


def _show_arrows(panel: Axes, tails: np.ndarray, heads: np.ndarray, colour: str) -> None:
    """Arrows in the units of the data."""
    moved = heads - tails
    along = (moved != 0).any(axis=1)  # an arrow of no length would be drawn as a dot
    panel.quiver(
        *tails[along].T,
        *moved[along].T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=colour,
        width=0.0022,
        headwidth=4,
        headlength=5,
        minlength=0.1,
        zorder=2,
    )


def _square_around(points: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """The limits in x and in y of the smallest square about the middle that shows all points."""
    low, high = points.min(axis=0), points.max(axis=0)
    (x, y), half = (low + high) / 2, float((high - low).max()) / 2 + MARGIN
    return (x - half, x + half), (y - half, y + half)


def _write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
