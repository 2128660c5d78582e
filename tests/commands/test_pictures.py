"""Pictures of trained runs: which the runs allow, what stands in them, and the reasons for the others."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

import bregman_exp as bx
from bregman_exp.analysis.figures import draw
from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.draw import KINDS
from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.runs.metrics_file import sealed
from tests.commands.conftest import SMALL
from tests.conftest import Outcome

GROUP = "two-spiral, mlp and bregman_mlp (atan), depth 3, identity or zero start"
FILE = "two-spiral-mlp-and-bregman_mlp-atan-depth-3-identity-or-zero-start"


def draw_pictures(*what: str, out: str = "out", more: Sequence[str] = ()) -> Album:
    """Of the runs in outputs/."""
    return draw.draw_pictures(bx.results("outputs"), Path(out), what, more)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be saved, which takes long."""
    return seen_figures(monkeypatch, lambda *_, **__: None)


def seen_figures(monkeypatch: pytest.MonkeyPatch, save: Callable[..., None]) -> list[Figure]:
    """Those that ``save`` is called for instead of Figure.savefig."""
    figures: list[Figure] = []

    def remember(figure: Figure, *args: Any, **kwargs: Any) -> None:
        if figure not in figures:
            figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def rewrite(folder: RunFolder, **changes: Any) -> None:
    """As if the run's own metrics.json had been written so."""
    record = sealed(folder.read_metrics() | changes, folder.config, folder.curves)
    folder.metrics.write_text(json.dumps(record))
    folder.predictions.unlink(missing_ok=True)


def rename_data(name: str) -> None:
    for folder in find_runs(Path("outputs")):
        rewrite(folder, dataset=folder.read_metrics()["dataset"] | {"name": name})


def variant(folder: RunFolder, name: str, depth: int, accuracy: float, epochs: int, row: str = "") -> None:
    """A copy of the run in another row, by its config and its figures; not by its network."""
    copy = RunFolder(folder.path.parent.with_name(name) / folder.path.name)
    shutil.copytree(folder.path, copy.path)
    copy.config.write_text(copy.config.read_text().replace("depth: 3", f"depth: {depth}"))
    clean = {"accuracy": accuracy, "correct": round(40 * accuracy), "n": 40}
    facts = {"row_hash": row or name, "train": {"epochs": epochs}, "clean": clean, "robust": []}
    rewrite(copy, **facts)


def test_all_that_the_runs_allow(sweep: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    figures = seen_figures(monkeypatch, Figure.savefig)
    drawn = draw_pictures(*KINDS, out="a", more=("svg",))
    album = drawn.pictures
    kinds = ["regions", "layers", "fields", "boundary", "separation", "moves", "curves", "robust", "legendre"]
    assert list(dict.fromkeys(picture.what for picture in album)) == kinds
    assert drawn.missing == {"depth": [f"one depth only ({GROUP})."]}
    for picture in album:
        assert picture.caption.endswith(".")
        assert imread(picture.png).std() > 0.01
        assert picture.png.with_suffix(".svg").read_text().rstrip().endswith("</svg>")
    for figure in figures:  # is readable in print
        assert figure.get_figwidth() <= 6.75
        assert figure.get_figheight() <= 9.5
        assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) >= 8  # pyright: ignore
    regions, layers, *_ = album
    assert (
        "mlp (atan), identity start: 2 seeds; bregman_mlp (atan), zero start: 2 seeds"
        in album[kinds.index("separation")].caption
    )
    assert layers.png.name == f"layers-{FILE}-2-epochs.png"
    assert layers.title == f"Representation by layer: {GROUP}, 2 epochs"
    assert (regions.gif, layers.gif) == (None, layers.png.with_suffix(".gif"))
    with Image.open(layers.png.with_suffix(".gif")) as gif:  # passes every layer
        assert (gif.n_frames, gif.info["duration"]) == (3 * 12 + 1, 1500)  # pyright: ignore
        first = np.asarray(gif.convert("RGB"))
        gif.seek(3 * 12)
        assert (np.asarray(gif.convert("RGB")) != first).any()
    fields = figures[2].axes[0]
    assert fields.get_title().startswith("layer 1 (× ")
    arrows: Any = next(c for c in fields.collections if hasattr(c, "U"))
    assert np.hypot(arrows.U, arrows.V).max() == pytest.approx(1.4 * np.pi / 13)  # as long as said


@pytest.mark.slow
def test_drawn_again_every_file_is_the_same(sweep: list[RunFolder]) -> None:
    first, again = (draw_pictures(*KINDS, out=folder, more=("svg",)).pictures for folder in "ab")
    for picture, other in zip(first, again, strict=True):
        for file in filter(None, (picture.png, picture.png.with_suffix(".svg"), picture.gif)):
            assert file.read_bytes() == (other.png.parent / file.name).read_bytes()


def add_curve(folder: RunFolder, accuracies: dict[float, float]) -> None:
    """What attack=curve would leave; the first ε is unreliable."""
    clean = {"accuracy": 0.9, "correct": 36, "n": 40}
    record = folder.read_metrics() | {"schema": 1, "clean": clean, "checks": [], "robust": []}
    del record["files"], record["sha256"]
    for eps, accuracy in accuracies.items():
        entry = {"attack": "mine", "norm": "linf", "steps": 50, "n": 20, "eps": eps, "accuracy": accuracy}
        verdict = "unchecked" if record["robust"] else "unreliable"
        record["robust"].append({**entry, "id": f"mine-linf-{eps}", "verdict": verdict})
    target = folder.evaluation("curve-x").metrics
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(record))


def test_robust_accuracies_and_hollow_points(sweep: list[RunFolder], figures: list[Figure]) -> None:
    for folder, shift in zip(sweep[:2], (0.1, -0.1), strict=True):
        add_curve(folder, {0.1: 0.5 + shift, 0.2: 0.3 + shift, 0.3: 0.2 + shift})
    album = draw_pictures("robust")
    (place,) = [i for i, picture in enumerate(album.pictures) if "mine" in picture.title]
    title = f"Accuracy by size of the perturbation: mine, {GROUP}"
    caption = album.pictures[place].caption
    assert album.pictures[place].title == title
    assert caption.startswith("mine (steps 50) on 20 test samples; at ε = 0 clean data, 40 samples.")
    assert caption.endswith(
        "the classifier is constant. bregman_mlp (atan), zero start: 2 seeds."
    )  # the attacked ones
    (panel,) = figures[place].axes
    lines = [line for line in panel.lines if len(line.get_xdata())]
    (hollow,) = [line for line in lines if line.get_markerfacecolor() == "white"]
    assert hollow.get_xydata() == pytest.approx(np.array([[0.1, 50]]))
    (firm,) = [line for line in lines if len(line.get_xdata()) == 3]
    assert firm.get_xydata() == pytest.approx(np.array([[0, 90], [0.2, 30], [0.3, 20]]))
    texts = [text.get_text() for text in figures[place].legends[0].texts]
    assert texts == ["bregman_mlp (atan), zero start", "hollow: unreliable or degenerate"]
    assert panel.get_xlabel() == "size ε (unit: data in [0, 1])"
    rename_data("cifar10")  # images
    figures.clear()
    draw_pictures("robust")
    assert figures[place].axes[0].get_xlabel() == "size ε (unit: 1/255)"
    assert figures[place].axes[0].lines[0].get_xdata().max() == pytest.approx(0.3 * 255)


def test_depth_shows_the_longest_trained(sweep: list[RunFolder], figures: list[Figure]) -> None:
    first, second = sweep[:2]
    for name, folder, depth, accuracy, epochs in (
        ("short", first, 3, 0.6, 5),
        ("short", second, 3, 0.6, 5),
        ("longer", first, 3, 0.8, 9),
        ("deep", first, 10, 0.6, 5),
    ):
        variant(folder, name, depth, accuracy, epochs)
    for folder in sweep:
        shutil.rmtree(folder.path)
    (picture,) = draw_pictures("depth").pictures
    assert picture.png.name == "depth-two-spiral-bregman_mlp-atan-zero-start.png"
    (panel,) = figures[0].axes
    assert panel.lines[0].get_xydata() == pytest.approx(np.array([[3, 80], [10, 60]]))
    assert "Epochs by depth: 3: 9; 10: 5. Of each kind the longest trained; 1 other rows" in picture.caption
    assert "dotted: chance" in picture.caption
    rename_data("photos")  # of how many classes is not known
    assert "chance" not in draw_pictures("depth").pictures[0].caption


def test_rows_that_share_pictures_and_of_many_groups_those_spread_over_all_depths(
    command: Callable[..., Outcome],
    sweep: list[RunFolder],
    figures: list[Figure],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draw, "MOST_GROUPS", 2)
    words = ("model=bregman_mlp", "model.depth=3,4,5", "++model.init=deterministic", "++model.clamp=1e-3")
    assert command("train", "-m", *words, "optim.lr=0.05", *SMALL).code == 0
    album = draw_pictures("moves", "curves")
    titles = [picture.title.split(", ") for picture in album.pictures]
    assert [title[2] for title in titles if "move" in title[0]] == ["depth 3", "depth 5"]
    assert len([title for title in titles if "curves" in title[0]]) == 3
    (why,) = album.missing["moves"]
    assert why.startswith("more than 2 groups of networks")
    assert "depth 4, zero start" in why
    bregman = "bregman_mlp (atan), zero start, model.clamp {}: {}"
    for picture in (album.pictures[0], album.pictures[2]):  # the clamp is nothing a standard network has
        for words in ((0.001, "1 seed"), (1e-05, "2 seeds")):
            assert bregman.format(*words) in picture.caption


def test_learning_rates_and_noise_are_named_where_runs_differ_in_them(
    command: Callable[..., Outcome], figures: list[Figure]
) -> None:
    words = ("model=bregman_mlp", "optim.lr=0.1,0.2", "dataset.noise=1.0,2.0")
    assert command("train", "-m", *words, *SMALL).code == 0
    album = draw_pictures("moves", "curves")
    titles = [picture.title.partition(": ")[2] for picture in album.pictures]
    shape = "two-spiral, bregman_mlp (atan), depth 3, random start"
    noise = [f"dataset.noise {noise}" for noise in ("1.0", "2.0")]
    moves = [f"{shape}, {text}, optim.lr {lr}, 2 epochs" for text in noise for lr in (0.1, 0.2)]
    assert sorted(titles[:4]) == moves
    assert sorted(titles[4:]) == [f"{shape}, {text}" for text in noise]
    label = "bregman_mlp (atan), optim.lr {}: 1 seed"
    assert "; ".join(map(label.format, (0.1, 0.2))) in album.pictures[-1].caption


def test_other_widths_get_a_sentence(command: Callable[..., Outcome], figures: list[Figure]) -> None:
    assert command("train", "model=mlp", "model.widths=[3,2]", *SMALL).code == 0
    album = draw_pictures("layers", "separation", "moves", "robust")
    assert [picture.what for picture in album.pictures] == ["separation"]
    name = "two-spiral, mlp (atan), widths [3, 2], random start, 2 epochs"
    assert album.missing["layers"] == [f"not all layers have 2 neurons (model.width=2) ({name})."]
    assert album.missing["moves"] == [f"no layer keeps the width ({name})."]
    assert album.missing["robust"][0].startswith("no attack was run at two ε of a norm")


def test_a_missing_file_costs_its_picture_alone(sweep: list[RunFolder]) -> None:
    sweep[0].curves.unlink()
    sweep[1].checkpoint("last").unlink()
    album = draw_pictures("curves", "layers")
    (picture,) = album.pictures  # of the other row
    assert picture.title.startswith("Representation by layer: two-spiral, mlp (atan)")
    assert album.missing["curves"][0].startswith(f"{sweep[0].curves} is missing or damaged (two-spiral, ")
    missing = (
        "a run has no checkpoints/last.ckpt (two-spiral, bregman_mlp (atan), depth 3, zero start, 2 epochs)."
    )
    assert album.missing["layers"] == [missing]


def test_learning_curves_are_as_recorded(sweep: list[RunFolder], figures: list[Figure]) -> None:
    folder, text = sweep[0], sweep[0].curves.read_text()
    folder.curves.write_text(text.replace("\n0,", "\n1,"))
    assert "is missing or damaged" in draw_pictures("curves").missing["curves"][0]
    folder.curves.write_text("".join(text.splitlines(keepends=True)[:2]))  # one epoch of two
    rewrite(folder)
    draw_pictures("curves")
    loss, accuracy = figures[0].axes[0], figures[0].axes[3]
    assert [len(pd.Series(line.get_ydata()).dropna()) for line in loss.lines] in ([1, 2], [2, 1])
    starts = [pd.read_csv(run.curves)["val/accuracy"][0] for run in sweep]
    means = {round(100 * (a + b) / 2, 9) for a, b in (starts[:2], starts[2:])}
    assert {round(line.get_ydata()[0], 9) for line in accuracy.lines} == means


def test_the_script(sweep: list[RunFolder], figures: list[Figure], script: Callable[..., Outcome]) -> None:
    done = script("pictures", "outputs/adhoc/*mlp*", "--what", "moves", "legendre", "--out", "here")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"moves: wrote here/moves-{FILE}-2-epochs.png with .svg, .pdf",
        "legendre: wrote here/legendre.png with .svg, .pdf",
    ]
    assert len(list(Path("here").iterdir())) == 6
    done = script("pictures", "--what", "depth", "moves")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-1].startswith("depth: not drawn: one depth only")
    sweep[0].metrics.write_text("{}")
    done = script("pictures", "--what", "curves")
    assert done.code == 0
    reason = "has no seed; remove it and run the same command again."
    assert f"left out: {sweep[0].metrics} {reason}" in done.err
    assert "wrote" in done.out  # the others' pictures


def test_mistakes_are_one_sentence_and_the_maps_need_no_run(
    script: Callable[..., Outcome], figures: list[Figure]
) -> None:
    for words, sentence in (
        (["nowhere"], "there is no folder nowhere; give folders that hold runs."),
        (["--what", "boat"], f"there is no picture boat; there are {', '.join(KINDS)}."),
    ):
        done = script("pictures", *words)
        assert (done.code, done.err, done.out) == (1, sentence, "")
    done = script("pictures", "--what", "legendre")
    assert (done.code, done.out) == (0, "legendre: wrote outputs/pictures/legendre.png with .svg, .pdf\n"), (
        done.err
    )
