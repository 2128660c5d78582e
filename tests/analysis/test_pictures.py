"""Parts of pictures: measures of known value, what of a network is shown, how curves look."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bregman_exp as bx
from bregman_exp.analysis.figures.album import Album, Drawing, evenly
from bregman_exp.analysis.figures.draw import KINDS, draw_pictures
from bregman_exp.analysis.figures.measures import fisher_ratio, linear_accuracy
from bregman_exp.analysis.figures.panels import cell_centres, chosen_layers, limits_of, shade
from bregman_exp.analysis.figures.style import (
    STROKES,
    TEXT_WIDTH,
    VERSIONS,
    draw_bands,
    legend_below,
    strokes_of,
)
from tests.analysis.table_runs import unfinished


def test_without_a_complete_run_every_picture_has_its_reason(tmp_path: Path) -> None:
    unfinished(tmp_path / "seed-0-x", {})
    album = draw_pictures(bx.results(tmp_path), tmp_path / "out")
    assert album.pictures == []
    assert set(album.missing) == set(KINDS) - {"legendre"}
    assert album.missing["curves"] == ["there is no complete run."]


def test_two_pictures_of_one_name_are_two_files(tmp_path: Path) -> None:
    album = Album(tmp_path)
    for _ in range(2):
        album.add(KINDS["moves"], "a net", Drawing(Figure(figsize=(1, 1)), "A caption."))
    assert [picture.png.name for picture in album.pictures] == ["moves-a-net.png", "moves-a-net-2.png"]


def test_a_version_looks_the_same_everywhere_and_no_two_curves_alike() -> None:
    for look in zip(*(map(str, stroke.values()) for stroke in STROKES), strict=True):
        assert len(set(look)) == len(STROKES)
    versions = ("standard", "bregman", "bregman", "euclidean", "bregman", "a plug-in's")
    lines = pd.DataFrame({"version": versions, "label": list("sbteip")})
    strokes = strokes_of(lines)
    assert [strokes[label] for label in "seb"] == [VERSIONS[v] for v in ("standard", "euclidean", "bregman")]
    assert len({str(stroke) for stroke in strokes.values()}) == len(lines)
    with pytest.raises(ValueError, match="more than 7 rows in one picture"):
        strokes_of(pd.DataFrame({"version": "bregman", "label": list("abcdefgh")}))


def test_a_legend_of_long_names_stays_in_the_figure() -> None:
    figure = Figure(figsize=(TEXT_WIDTH, 3), layout="constrained")
    for i in range(7):
        figure.add_subplot().plot([1, 2], label=f"Bregman, scaled_tanh(scale=1.{i}, slope=0.5)")
    legend_below(figure)
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


def test_a_linear_classifier_of_known_accuracy() -> None:
    corners, labels = np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]]), np.array([0, 0, 1, 1])
    assert linear_accuracy(corners, labels, corners, labels) <= 0.75
    assert linear_accuracy(corners, corners[:, 0], corners, corners[:, 0]) == 1
    one_point = np.full((4, 2), 0.3)
    assert linear_accuracy(one_point, np.array([0, 1, 1, 1]), one_point, np.array([0, 0, 0, 1])) == 0.25
    labels = np.repeat([0, 1, 2], 10)
    z = np.repeat(np.eye(3), 10, axis=0) + 0.01 * np.random.default_rng(0).normal(size=(30, 3))
    assert linear_accuracy(z, labels, z, labels) == 1


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
    assert evenly(range(10), 4) == [0, 3, 6, 9]
    assert (evenly("abc", 8), evenly("", 3)) == (["a", "b", "c"], [])


def test_the_part_of_the_plane_that_is_shown() -> None:
    z = np.array([[0.1, 2.0], [3.1, 1.0]])
    bounded, positive, free = (bx.legendre_map(act).range for act in ("tanh", "softplus", "asinh"))
    assert limits_of(bounded, z) == ((-1, 1), (-1, 1))
    (left, right), (low, high) = limits_of(positive, z)  # a square about the points, but not below 0
    assert (left, right) == (0, pytest.approx(3.48))
    assert ((low + high) / 2, high - low) == pytest.approx((1.74, right - left))
    one_point = limits_of(free, np.full((5, 2), 4.0))
    assert one_point[0][1] > one_point[0][0]
    cells = cell_centres(((0.0, 1.0), (10.0, 14.0)), 2)
    assert cells.tolist() == [[0.25, 11], [0.75, 11], [0.25, 13], [0.75, 13]]


def test_a_class_is_shaded_where_it_is_likelier_and_a_panel_without_boundary_says_so() -> None:
    square = ((0.0, 1.0), (0.0, 1.0))
    panels = Figure().subplots(1, 2)
    for panel, probability in zip(panels, (cell_centres(square, 50)[:, 0], np.ones(2500)), strict=True):
        shade(panel, probability, square)
    (image,) = panels[0].images
    left, right = image.to_rgba(image.get_array())[20, [5, 45]]
    assert left[2] > left[0]  # blue
    assert right[0] > right[2]  # vermilion
    assert [text.get_text() for panel in panels for text in panel.texts] == ["one class everywhere"]


def test_a_band_holds_all_seeds_and_a_gap_stands_where_nothing_moves() -> None:
    panel = Figure().subplots()
    panel.set_yscale("log")
    runs = pd.DataFrame({"version": "bregman", "label": "Bregman", "seed": [0, 1]})
    draw_bands(panel, runs, np.array([[0.1, 0, 2], [0.3, 1, 4]]))
    assert panel.lines[0].get_ydata() == pytest.approx([0.2, np.nan, 3], nan_ok=True)
    band, _ = panel.collections
    ends = {round(y, 6) for path in band.get_paths() for _, y in path.vertices}
    assert {0.1, 0.3, 2, 4} <= ends


def test_a_point_alone_has_a_marker_and_its_band_is_a_line() -> None:
    panel = Figure().subplots()
    runs = pd.DataFrame({"version": "bregman", "label": "Bregman", "seed": [0, 1]})
    draw_bands(panel, runs, np.array([[0.1], [0.3]]), first=1, marked=0)
    draw_bands(panel, runs, np.array([[0.1, 0.2], [0.3, 0.4]]), first=1, marked=0)
    assert [line.get_marker() for line in panel.lines] == [VERSIONS["bregman"]["marker"], ""]
    (segment,) = panel.collections[1].get_segments()
    assert segment.tolist() == [[1, 0.1], [1, 0.3]]
    assert [x for x in panel.get_xticks() if 0.9 < x < 2.1] == [1, 2]
