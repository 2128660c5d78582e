"""Pictures from arrays: measures of known value, what is drawn, readable and repeatable files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

from bregman_exp.analysis.figures.album import write_picture
from bregman_exp.analysis.figures.boundary import boundary_layers
from bregman_exp.analysis.figures.curves import learning_curves
from bregman_exp.analysis.figures.depth import ByDepth, accuracy_by_depth
from bregman_exp.analysis.figures.fields import layer_fields
from bregman_exp.analysis.figures.layers import representation_gif, representation_layers
from bregman_exp.analysis.figures.legendre import LegendreCurves, legendre_maps
from bregman_exp.analysis.figures.moves import moves_by_layer
from bregman_exp.analysis.figures.panels import Traced
from bregman_exp.analysis.figures.plane import cell_centres, chosen_layers, evenly, frame
from bregman_exp.analysis.figures.regions import Regions, decision_regions
from bregman_exp.analysis.figures.robust import RobustCurve, robust_accuracy_by_size
from bregman_exp.analysis.figures.separation import fisher_ratio, linear_accuracy, separation_by_layer
from bregman_exp.analysis.figures.spread import Curve, mean_interval
from bregman_exp.analysis.figures.style import STROKES, TEXT_WIDTH, VERSIONS, write_figure

SQUARE = ((-1.0, 1.0), (-1.0, 1.0))
LABELS = np.arange(40) % 2
POINTS = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2))
STROKE = VERSIONS["bregman"]


def traced(places=(0, 1, 2), grids=()) -> list[Traced]:
    points = [POINTS / (1 + place) for place in places]
    return [Traced(name, places, points, [SQUARE] * len(places), grids) for name in ("one", "other")]


def curve(values) -> Curve:
    values = np.atleast_2d(np.asarray(values, float))
    return Curve("a net", STROKE, np.arange(values.shape[1]), values)


def robust_curve(doubted: bool) -> RobustCurve:
    accuracy = np.array([0.9, 0.5, 0.1])
    off = np.array([False, doubted, False])
    return RobustCurve(
        "a net", STROKE, np.array([0, 0.1, 0.2]), accuracy, accuracy - 0.1, accuracy + 0.1, off
    )


def legendre_curves() -> LegendreCurves:
    x = np.linspace(-3, 3, 7)
    return LegendreCurves("identity", (-np.inf, np.inf), x, x, x, x, x**2 / 2)


FIGURES: dict[str, Callable[[], Figure]] = {
    "regions": lambda: decision_regions(POINTS / 2 + 0.5, LABELS, [Regions("a net", np.eye(9))] * 5),
    "layers": lambda: representation_layers(traced(range(8)), LABELS),
    "fields": lambda: layer_fields(traced((0, 1), [np.full((25, 2), 0.1), np.zeros((25, 2))]), LABELS),
    "boundary": lambda: boundary_layers(traced((0, 1), [np.eye(9), np.full((9, 9), 0.7)]), LABELS),
    "separation": lambda: separation_by_layer([curve([[1, np.nan], [2, 3]])], [curve([80, 90])], 0.5),
    "moves": lambda: moves_by_layer([curve([[0.1, 0, 2], [0.2, 1, 3]])]),
    "depth": lambda: accuracy_by_depth(
        {name: [ByDepth("a net", STROKE, {3: [0.9, 0.8, 0.7], 10: [0.5]})] for name in ("random", "zero")},
        0.5,
    ),
    "curves": lambda: learning_curves(
        {
            f"{part}/{what}": [curve([[1, 2], [2, 3]])]
            for part in ("train", "val")
            for what in ("loss", "accuracy")
        }
    ),
    "robust": lambda: robust_accuracy_by_size(
        {"linf": [robust_curve(True)], "l2": [robust_curve(False)]}, True
    ),
    "legendre": lambda: legendre_maps([legendre_curves()] * 12),
}


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_whole_and_the_same_again(tmp_path: Path, name: str) -> None:
    first, again = (write_picture(FIGURES[name](), tmp_path / stem, name, "t", "c") for stem in "ab")
    assert (first.png, first.svg) == (tmp_path / "a.png", tmp_path / "a.svg")
    assert imread(first.png).std() > 0.01
    assert first.svg.read_text().rstrip().endswith("</svg>")
    for one, other in ((first.png, again.png), (first.svg, again.svg)):
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_readable_at_the_size_of_print(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.get_figwidth() <= TEXT_WIDTH
    assert figure.get_figheight() <= 9.5
    words = [text for text in figure.findobj(Text) if text.get_text()]  # pyright: ignore
    assert words
    assert min(text.get_fontsize() for text in words) >= 8


def test_curves_differ_in_more_than_colour() -> None:
    for looks in ([s.colour for s in STROKES], [str(s.dashes) for s in STROKES], [s.marker for s in STROKES]):
        assert len(set(looks)) == len(STROKES)


def test_a_legend_of_long_names_stays_in_the_figure() -> None:
    names = [f"Bregman, scaled_tanh(scale=1.{i}, slope=0.5)" for i in range(7)]
    curves = [
        Curve(name, stroke, np.arange(2), np.ones((1, 2)))
        for name, stroke in zip(names, STROKES, strict=True)
    ]
    figure = learning_curves(
        {f"{part}/{what}": curves for part in ("train", "val") for what in ("loss", "accuracy")}
    )
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_fishers_ratio_of_known_value() -> None:
    z = np.array([[0.0, 0], [2, 0], [10, 0], [12, 0]])  # means 1 and 11: between 4 · 25, within 4 · 1
    labels = np.array([0, 0, 1, 1])
    assert fisher_ratio(z, labels) == pytest.approx(25)
    turned = 3 * z @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 7
    assert fisher_ratio(turned, labels) == pytest.approx(25)
    assert fisher_ratio(np.array([[0.0, 0], [1, 0], [0, 0], [1, 0]]), labels) == 0
    assert fisher_ratio(np.array([[0.0, 0], [0, 0], [1, 0], [1, 0]]), labels) == np.inf
    assert np.isnan(fisher_ratio(np.full((4, 2), 0.3) + 1e-8 * z, labels))


def test_a_linear_classifier_finds_what_a_line_separates() -> None:
    labels = (POINTS @ [2, -1] > 0.1).astype(int)
    apart = POINTS + 0.5 * np.outer(2 * labels - 1, [2, -1])
    assert linear_accuracy(apart, labels, apart, labels) == 1
    corners = np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]])
    assert linear_accuracy(corners, np.array([0, 0, 1, 1]), corners, np.array([0, 0, 1, 1])) <= 0.75
    one_point = np.full((4, 2), 0.3)
    assert linear_accuracy(one_point, np.array([0, 1, 1, 1]), one_point, np.array([0, 0, 0, 1])) == 0.25


def test_a_linear_classifier_of_three_classes() -> None:
    labels = np.repeat([0, 1, 2], 10)
    z = np.repeat(np.eye(3), 10, axis=0) + 0.01 * np.random.default_rng(0).normal(size=(30, 3))
    assert linear_accuracy(z, labels, z, labels) == 1


def test_the_interval_of_a_mean() -> None:
    middle, lower, upper = mean_interval([1, 2, 3])
    assert middle == 2
    assert (2 - lower, upper - 2) == pytest.approx([4.302653 / 3**0.5] * 2)  # t(0.975; 2) s / √3, s = 1
    assert mean_interval([0.7])[0] == 0.7
    assert np.isnan(mean_interval([0.7])[1:]).all()
    with pytest.raises(ValueError, match="the mean of no values"):
        mean_interval([])


def test_the_layers_that_are_shown() -> None:
    assert chosen_layers(3) == [0, 1, 2, 3]
    assert chosen_layers(100) == [0, 1, 2, 5, 10, 20, 50, 100]
    assert chosen_layers(100, most=5) == [0, 2, 10, 20, 100]
    for last in (*range(40), 99, 101, 1000):
        for most in (5, 8):
            chosen = chosen_layers(last, most)
            assert len(chosen) == min(last + 1, most)
            assert (chosen[0], chosen[-1]) == (0, last)
            assert chosen == sorted(set(chosen))


def test_some_of_many_are_spread_evenly() -> None:
    assert evenly(range(10), 4) == [0, 3, 6, 9]
    assert evenly("abc", 3) == evenly("abc", 8) == ["a", "b", "c"]
    assert evenly("", 3) == []


def test_the_part_of_the_plane_that_is_shown() -> None:
    z = np.array([[0.1, 2.0], [3.1, 1.0]])
    assert frame(z, -1.5, 1.5) == ((-1.5, 1.5), (-1.5, 1.5))
    (left, right), (low, high) = frame(z, 0, np.inf)  # a square about the points, but not below 0
    assert (left, right) == (0, pytest.approx(3.48))
    assert (low + high) / 2 == pytest.approx(1.74)
    assert right - left == pytest.approx(high - low)
    one_point = frame(np.full((5, 2), 4.0), -np.inf, np.inf)
    assert one_point[0][1] > one_point[0][0]


def test_cells_run_along_the_first_coordinate_and_stay_inside() -> None:
    cells = cell_centres(((0.0, 1.0), (10.0, 14.0)), 2)
    assert cells.tolist() == [[0.25, 11], [0.75, 11], [0.25, 13], [0.75, 13]]


def test_regions_are_shaded_where_a_class_is_likelier(tmp_path: Path) -> None:
    step = np.tile(np.linspace(0, 1, 50), (50, 1))  # class 1 on the right
    figure = decision_regions(np.array([[0.2, 0.2], [0.8, 0.8]]), np.array([0, 1]), [Regions("a net", step)])
    pixels = imread(write_figure(figure, tmp_path / "out" / "p.png"))[..., :3]
    height, width, _ = pixels.shape
    panel = figure.axes[1].get_position()
    row = round(height * (1 - (panel.y0 + 0.45 * panel.height)))
    left, right = (pixels[row, round(width * (panel.x0 + share * panel.width))] for share in (0.1, 0.9))
    assert left[2] > left[0]  # blue
    assert right[0] > right[2]  # vermilion


def test_a_panel_without_boundary_says_so() -> None:
    with_boundary, without = FIGURES["boundary"]().axes[:2]
    assert [text.get_text() for text in without.texts] == ["one class everywhere"]
    assert not with_boundary.texts


def test_an_identity_has_no_arrows_and_the_longest_is_as_long_as_said() -> None:
    moving, still = FIGURES["fields"]().axes[:2]
    assert moving.get_title() == "layer 1 (× 4)"  # 1.4 cells of 0.4, over 0.1 √2
    assert still.get_title() == "layer 2 (× 1)"
    arrows = next(c for c in moving.collections if hasattr(c, "U"))
    assert np.hypot(arrows.U, arrows.V) == pytest.approx(1.4 * 0.4)


def test_doubted_points_are_hollow_and_the_legend_says_so() -> None:
    figure = robust_accuracy_by_size({"linf": [robust_curve(True)]}, per_255=True)
    (panel,) = figure.axes
    assert panel.get_xlabel() == "size ε (unit: 1/255)"
    (hollow,) = [
        line for line in panel.lines if line.get_markerfacecolor() == "white" and line.get_marker() == "^"
    ]
    assert hollow.get_xydata().tolist() == [[0.1 * 255, 50]]  # pyright: ignore
    words = [text.get_text() for text in figure.legends[0].texts]
    assert words == ["a net", "hollow: unreliable or degenerate"]


def test_a_band_holds_all_seeds_and_a_gap_stands_where_nothing_moves() -> None:
    (panel,) = moves_by_layer([curve([[0.1, 0, 2], [0.3, 1, 4]])]).axes
    assert panel.lines[0].get_ydata() == pytest.approx([0.2, np.nan, 3], nan_ok=True)
    (band,) = panel.collections
    ends = {round(y, 6) for path in band.get_paths() for _, y in path.vertices}
    assert {0.1, 0.3, 2, 4} <= ends


def test_the_animation_passes_every_layer(tmp_path: Path) -> None:
    path, again = (representation_gif(traced(), LABELS, tmp_path / name) for name in ("a.gif", "b.gif"))
    assert path.read_bytes() == again.read_bytes()
    with Image.open(path) as gif:
        assert gif.n_frames == 2 * 12 + 1  # pyright: ignore
        first = np.asarray(gif.convert("RGB"))
        assert gif.info["duration"] == 1500
        gif.seek(gif.n_frames - 1)  # pyright: ignore
        assert (np.asarray(gif.convert("RGB")) != first).any()
    assert path.stat().st_size < 1.5e6
