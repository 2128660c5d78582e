"""Pictures of frames and networks: measures of known value, what is drawn, readable and repeatable files."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

import bregman_exp as bx
from bregman_exp.analysis.figures.album import Album, Drawing, evenly, write_figure
from bregman_exp.analysis.figures.draw import KINDS
from bregman_exp.analysis.figures.networks import Networks
from bregman_exp.analysis.figures.panels import cell_centres, chosen_layers, limits_of, shade
from bregman_exp.analysis.figures.rows import labelled
from bregman_exp.analysis.figures.separation import fisher_ratio, linear_accuracy
from bregman_exp.analysis.figures.style import (
    SETTINGS,
    STROKES,
    TEXT_WIDTH,
    VERSIONS,
    draw_bands,
    legend_below,
    strokes_of,
)
from bregman_exp.analysis.intervals import mean_intervals
from bregman_exp.data import two_spiral

LINE = {"evaluation": "", "id": "clean", "act": "atan", "init": "random", "data_name": "two_spiral", "n": 40}
NO_ATTACK = {"attack": None, "norm": None, "eps": np.nan, "settings": "{}"}
PGD = {"id": "pgd", "attack": "pgd", "settings": '{"steps": 50, "eps": 0.1}', "n": 20}


@pytest.fixture(autouse=True)
def style() -> Generator[None]:
    with mpl.rc_context(SETTINGS):
        yield


def lines_of(*runs: dict[str, Any]) -> pd.DataFrame:
    """A line for each: version, seed, depth, … ; a row for each version and depth."""
    base = {"seed": 0, "depth": 2, "epochs": 5, "accuracy": 0.9, "low": 0.8, "high": 1.0, "verdict": ""}
    lines = pd.DataFrame([LINE | NO_ATTACK | base | run for run in runs])
    shape = lines["version"] + lines["depth"].astype(str)
    return labelled(lines.assign(row=shape, run=shape + lines["seed"].astype(str)))


def attacked(doubted: str) -> pd.DataFrame:
    """Two seeds of one row under PGD at three sizes in ℓ∞."""
    sizes = {0.1: 0.5, 0.2: 0.3, 0.3: 0.1}
    seeds = [{"version": "bregman", "seed": seed} for seed in (0, 1)]
    attacks = [
        seed | PGD | {"norm": "linf", "eps": eps, "accuracy": a, "verdict": doubted if eps == 0.1 else ""}
        for seed in seeds
        for eps, a in sizes.items()
    ]
    return lines_of(*seeds, *attacks)


def mlp(widths: list[int], act: str, version: str) -> torch.nn.Module:
    net = bx.mlp(widths, act=act, version=version, in_features=2, num_classes=2)
    return net.double().eval()


def networks(*versions: str, depth: int = 2, act: str = "atan") -> Networks:
    """Two untrained seeds of each version."""
    torch.manual_seed(0)
    lines = lines_of(*({"version": version, "seed": seed} for version in versions for seed in (0, 1)))
    twins = Networks(lines.assign(stored=SimpleNamespace(model=SimpleNamespace(hidden=[2] * depth))), {})
    twins.data = two_spiral(40, 20, 40)
    twins.nets = [mlp([2] * depth, act, version) for version in lines["version"]]
    return twins


def drawn(name: str) -> Drawing:
    depths = [{"version": "bregman", "depth": 2 + 3 * seed, "seed": seed % 2} for seed in (0, 1, 2)]
    groups = {"depth": lines_of(*depths), "robust": attacked("unreliable"), "legendre": None}
    group = groups[name] if name in groups else networks("standard", "bregman", depth=7)
    return next(iter(KINDS[name].draw(group)))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "curves"])  # which needs run folders
def test_pictures_are_readable_in_print_and_the_same_files_again(tmp_path: Path, name: str) -> None:
    albums = [Album(tmp_path / folder) for folder in "ab"]
    for album in albums:
        album.add(KINDS[name], "a × net", drawn(name))
    (first,), (again,) = (album.pictures for album in albums)
    assert first.png == tmp_path / "a" / f"{name}-axnet.png" if name != "robust" else True
    assert imread(first.png).std() > 0.01
    assert first.svg.read_text().rstrip().endswith("</svg>")
    for one, other in ((first.png, again.png), (first.svg, again.svg)):
        assert one.read_bytes() == other.read_bytes()
    figure = drawn(name).figure
    assert figure.get_figwidth() <= TEXT_WIDTH
    assert figure.get_figheight() <= 9.5
    texts = [text for text in figure.findobj(Text) if text.get_text()]  # pyright: ignore
    assert min(text.get_fontsize() for text in texts) >= 8


def test_two_pictures_of_one_name_are_two_files(tmp_path: Path) -> None:
    album = Album(tmp_path)
    for _ in range(2):
        album.add(KINDS["moves"], "a net", Drawing(Figure(figsize=(1, 1)), "A caption."))
    assert [picture.png.name for picture in album.pictures] == ["moves-a-net.png", "moves-a-net-2.png"]


def test_a_version_looks_the_same_everywhere_and_no_two_curves_alike() -> None:
    for look in zip(*(map(str, stroke.values()) for stroke in STROKES), strict=True):
        assert len(set(look)) == len(STROKES)
    versions = ("standard", "bregman", "bregman", "euclidean", "bregman")
    lines = pd.DataFrame({"version": versions, "label": list("sbtei")})
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


def test_the_interval_of_a_mean() -> None:
    runs = pd.DataFrame({"accuracy": [1, 2, 3, 0.7], "depth": [3, 3, 3, 5]})
    intervals = mean_intervals(runs, "depth")
    mean, low, high = intervals.loc[3]
    assert mean == 2
    assert (2 - low, high - 2) == pytest.approx([4.302653 / 3**0.5] * 2)  # t(0.975; 2) s / √3, s = 1
    assert intervals.loc[5, "mean"] == 0.7
    assert intervals.loc[5, ["low", "high"]].isna().all()


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
    bounded, positive, free = (mlp([2], act, "bregman") for act in ("tanh", "softplus", "asinh"))
    assert limits_of(bounded, z) == ((-1, 1), (-1, 1))
    (left, right), (low, high) = limits_of(positive, z)  # a square about the points, but not below 0
    assert (left, right) == (0, pytest.approx(3.48))
    assert ((low + high) / 2, high - low) == pytest.approx((1.74, right - left))
    one_point = limits_of(free, np.full((5, 2), 4.0))
    assert one_point[0][1] > one_point[0][0]
    cells = cell_centres(((0.0, 1.0), (10.0, 14.0)), 2)
    assert cells.tolist() == [[0.25, 11], [0.75, 11], [0.25, 13], [0.75, 13]]


def test_a_class_is_shaded_where_it_is_likelier_and_a_panel_without_boundary_says_so(tmp_path: Path) -> None:
    figure = Figure(figsize=(4, 2))
    cells = torch.from_numpy(cell_centres(((0.0, 1.0), (0.0, 1.0)), 50))
    for panel, logits in zip(figure.subplots(1, 2), (9 * (cells - 0.5), torch.ones(2500, 2)), strict=True):
        shade(panel, torch.stack([-logits[:, 0], logits[:, 0]], dim=1), ((0.0, 1.0), (0.0, 1.0)))
    write_figure(figure, tmp_path / "p.png")
    pixels = imread(tmp_path / "p.png")[..., :3]
    box = figure.axes[0].get_position()
    row = round(len(pixels) * (1 - (box.y0 + 0.45 * box.height)))
    left, right = (pixels[row, round(pixels.shape[1] * (box.x0 + x * box.width))] for x in (0.1, 0.9))
    assert left[2] > left[0]  # blue
    assert right[0] > right[2]  # vermilion
    assert [[text.get_text() for text in panel.texts] for panel in figure.axes] == [
        [],
        ["one class everywhere"],
    ]


def test_the_longest_arrow_of_a_field_is_as_long_as_said() -> None:
    panel = drawn("fields").figure.axes[0]
    assert panel.get_title().startswith("layer 1 (× ")
    arrows: Any = next(c for c in panel.collections if hasattr(c, "U"))
    assert np.hypot(arrows.U, arrows.V).max() == pytest.approx(1.4 * np.pi / 13)


def test_robust_accuracies_and_hollow_points() -> None:
    (drawing,) = KINDS["robust"].draw(attacked("unreliable"))
    (panel,) = drawing.figure.axes
    (hollow,) = [
        line for line in panel.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())
    ]  # pyright: ignore
    assert hollow.get_xydata().tolist() == [[0.1, 50]]  # pyright: ignore
    (firm,) = [line for line in panel.lines if len(line.get_xdata()) == 3]  # pyright: ignore
    assert firm.get_xydata() == pytest.approx(np.array([[0, 90], [0.2, 30], [0.3, 10]]))
    texts = [text.get_text() for text in drawing.figure.legends[0].texts]
    assert texts == ["Bregman", "hollow: unreliable or degenerate"]
    assert drawing.caption.startswith("pgd (steps 50) on 20 test samples; at ε = 0 clean data, 40 samples.")
    assert panel.get_xlabel() == "size ε (unit: data in [0, 1])"
    (images,) = KINDS["robust"].draw(attacked("").assign(data_name="cifar10"))
    assert images.figure.axes[0].get_xlabel() == "size ε (unit: 1/255)"
    with pytest.raises(ValueError, match="no attack was run at two ε of a norm"):
        KINDS["robust"].draw(lines_of({"version": "bregman"}))


def test_depth_shows_the_longest_trained() -> None:
    short = {"version": "bregman", "depth": 3, "accuracy": 0.6}
    lines = lines_of(short, short | {"depth": 10}, short | {"seed": 1}).assign(data_name="photos")
    longer = lines_of(short | {"epochs": 9, "accuracy": 0.8}).assign(data_name="photos", row="x", run="x")
    (drawing,) = KINDS["depth"].draw(pd.concat([lines, longer]))
    (panel,) = drawing.figure.axes
    assert panel.lines[0].get_xydata() == pytest.approx(np.array([[3, 80], [10, 60]]))
    assert "Epochs by depth: 3: 9; 10: 5. Of each kind the longest trained; 1 other rows" in drawing.caption
    assert "chance" not in drawing.caption  # the number of classes is not known
    with pytest.raises(ValueError, match="one depth only"):
        KINDS["depth"].draw(lines_of(short))


def test_a_band_holds_all_seeds_and_a_gap_stands_where_nothing_moves() -> None:
    panel = Figure().subplots()
    panel.set_yscale("log")
    runs = lines_of({"version": "bregman"}, {"version": "bregman", "seed": 1})
    draw_bands(panel, runs, np.array([[0.1, 0, 2], [0.3, 1, 4]]))
    assert panel.lines[0].get_ydata() == pytest.approx([0.2, np.nan, 3], nan_ok=True)
    (band,) = panel.collections
    ends = {round(y, 6) for path in band.get_paths() for _, y in path.vertices}
    assert {0.1, 0.3, 2, 4} <= ends


def test_the_animation_passes_every_layer(tmp_path: Path) -> None:
    content = [KINDS["layers"].draw(networks("standard", "bregman"))[0].gif for _ in "ab"]  # pyright: ignore
    assert content[0] == content[1]
    assert len(content[0]) < 1.5e6
    (tmp_path / "a.gif").write_bytes(content[0])
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 2 * 12 + 1  # pyright: ignore
        first = np.asarray(gif.convert("RGB"))
        assert gif.info["duration"] == 1500
        gif.seek(gif.n_frames - 1)  # pyright: ignore
        assert (np.asarray(gif.convert("RGB")) != first).any()
