"""scripts/pictures.py: which pictures the runs allow, and the reasons for the others."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from bregman_exp.analysis.figures import draw
from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.curves import learning_curves
from bregman_exp.analysis.figures.draw import KINDS
from bregman_exp.analysis.figures.networks import twins
from bregman_exp.analysis.figures.rows import any_depth, lines_of, own, same_architecture
from bregman_exp.analysis.frame import read_results
from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.runs.metrics_file import sealed
from tests.conftest import TINY, Outcome

SMALL = ("dataset=two_spiral", *TINY[1:], "attack=none")


def draw_pictures(folders: list[RunFolder], out: Path, what: Sequence[str] = ()) -> Album:
    return draw.draw_pictures(read_results(folders).frame, out, what)


def drawn(album: Album) -> list[str]:
    return [picture.what for picture in album.pictures]


@pytest.fixture
def versions(command: Callable[..., Outcome], tmp_path: Path) -> list[RunFolder]:
    """A standard and a Bregman MLP, two seeds each."""
    outcome = command("train", "-m", "model=mlp,bregman_mlp", "seed=0,1", *SMALL)
    assert outcome.code == 0, outcome.err
    return find_runs(tmp_path / "outputs")


def add_curve(folder: RunFolder, verdict: str = "unchecked") -> None:
    """What attack=curve would leave, as if evaluate.py had added it."""
    record = folder.read_metrics() | {"schema": 1}
    del record["files"], record["sha256"]
    interval = {"ci95": [0.3, 0.7], "n": 40}
    entry = {"attack": "pgd", "norm": "linf", "steps": 50, "verdict": verdict, **interval}
    record["robust"] = [{**entry, "id": f"pgd-linf-{e}", "eps": e, "accuracy": 0.5 - e} for e in (0.1, 0.2)]
    target = folder.evaluation("curve-x").metrics
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(record))


def test_all_that_the_runs_allow(versions: list[RunFolder], tmp_path: Path) -> None:
    add_curve(versions[0])
    album = draw_pictures(versions, tmp_path / "out")
    kinds = ["regions", "layers", "fields", "boundary", "separation", "moves", "curves", "robust"]
    assert drawn(album) == kinds
    pictures = {picture.what: picture for picture in album.pictures}
    for picture in album.pictures:
        assert picture.caption.endswith(".")
        assert min(picture.png.stat().st_size, picture.svg.stat().st_size) > 5000
    layers = pictures["layers"]
    assert layers.gif is not None
    assert layers.title == "Representation by layer: MLP, 3 × 2, random start, atan, 2 epochs"
    assert layers.png.name == "layers-mlp-3x2-random-start-atan-2-epochs.png"
    assert "standard: 2 seeds, Bregman: 2 seeds" in pictures["separation"].caption
    title = "Accuracy by size of the perturbation: pgd, two-spiral, MLP, 3 × 2, random start, atan"
    assert pictures["robust"].title == title
    assert pictures["robust"].caption.endswith(
        "the classifier is constant. Bregman: 1 seed."
    )  # the attacked one
    assert album.missing == {"depth": ["one depth only (MLP, two-spiral, atan)."]}


def test_rows_that_share_pictures(
    command: Callable[..., Outcome], versions: list[RunFolder], tmp_path: Path
) -> None:
    assert (
        command("train", "-m", "model=bregman_mlp", "model.depth=3,5", "++model.clamp=1e-3", *SMALL).code == 0
    )
    lines, _ = lines_of(read_results(find_runs(tmp_path / "outputs")).frame)
    assert [len(own(group)) for _, group in same_architecture(lines)] == [5, 1]
    assert [len(own(group)) for _, group in any_depth(lines)] == [6]
    (_, three), (_, five) = twins(lines)  # the clamp is nothing a standard network has
    assert [len(three.runs), len(five.runs)] == [5, 1]
    labels = three.runs["label"].unique()
    assert list(labels) == ["standard", *(f"Bregman [{row[:4]}]" for row in three.runs["row"].unique()[1:])]
    album = draw_pictures(find_runs(tmp_path / "outputs"), tmp_path / "out", ["depth"])
    assert [picture.png.name for picture in album.pictures] == ["depth-mlp-two-spiral-atan.png"]
    assert "Epochs by depth: 3: 2; 5: 2." in album.pictures[0].caption


def test_other_widths_get_a_sentence(command: Callable[..., Outcome], tmp_path: Path) -> None:
    assert command("train", "model=mlp", "model.widths=[3,2]", *SMALL).code == 0
    folders = find_runs(tmp_path / "outputs")
    album = draw_pictures(folders, tmp_path / "out", ["layers", "separation", "moves"])
    assert drawn(album) == ["separation"]
    (why,) = album.missing["layers"]
    assert why.startswith("no run is an MLP with layers of 2 neurons (model.width=2) on points in the plane")
    assert album.missing["moves"] == ["no run is an MLP with a layer that keeps the width."]


def test_a_missing_file_costs_its_picture_alone(versions: list[RunFolder], tmp_path: Path) -> None:
    versions[0].curves.unlink()
    versions[1].checkpoint("last").unlink()
    album = draw_pictures(versions, tmp_path / "out", ["curves", "layers", "depth"])
    assert not album.pictures
    assert album.missing["curves"][0].startswith(
        f"{versions[0].curves} is missing or damaged (two-spiral, MLP"
    )
    assert str(versions[1].checkpoint("last")) in album.missing["layers"][0]


def test_learning_curves_are_as_recorded(versions: list[RunFolder], tmp_path: Path) -> None:
    folder, text = versions[0], versions[0].curves.read_text()
    table = pd.read_csv(folder.curves)
    assert learning_curves(folder)["val/loss"].tolist() == table["val/loss"].tolist()
    folder.curves.write_text(text.replace("\n0,", "\n1,"))
    with pytest.raises(ValueError, match="is missing or damaged"):
        learning_curves(folder)
    folder.curves.write_text("".join(text.splitlines(keepends=True)[:2]))  # one epoch of two
    folder.metrics.write_text(json.dumps(sealed(folder.read_metrics(), folder.curves)))
    (drawing,) = KINDS["curves"].draw(same_architecture(lines_of(read_results(versions).frame)[0])[0][1])
    loss, accuracy = drawing.figure.axes[0], drawing.figure.axes[3]
    assert [len(pd.Series(line.get_ydata()).dropna()) for line in loss.lines] in ([1, 2], [2, 1])
    tables = [learning_curves(other)["val/accuracy"][0] for other in versions]
    means = {round(100 * (a + b) / 2, 9) for a, b in (tables[:2], tables[2:])}
    assert {round(line.get_ydata()[0], 9) for line in accuracy.lines} == means  # pyright: ignore


def test_the_script(versions: list[RunFolder], script: Callable[..., Outcome], tmp_path: Path) -> None:
    done = script("pictures", "outputs/adhoc/*mlp*", "--what", "moves", "legendre", "--out", "here")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "moves: wrote here/moves-mlp-3x2-random-start-atan-2-epochs.png and .svg",
        "legendre: wrote here/legendre.png and .svg",
    ]
    assert len(list((tmp_path / "here").iterdir())) == 4
    done = script("pictures", "--what", "robust", "moves")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-1].startswith("robust: not drawn: no attack was run")
    versions[0].metrics.write_text("{}")
    done = script("pictures", "--what", "curves")
    assert done.code == 0
    reason = "has no seed; remove it and run the same command again."
    assert f"left out: {versions[0].metrics.relative_to(tmp_path)} {reason}" in done.err
    assert "wrote" in done.out  # the others' pictures


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "there is no folder nowhere; give folders that hold runs."),
        (["--what", "boat"], f"there is no picture boat; there are {', '.join(KINDS)}."),
    ],
)
def test_mistakes_are_one_sentence(script: Callable[..., Outcome], words: list[str], sentence: str) -> None:
    done = script("pictures", *words)
    assert (done.code, done.err.strip(), done.out) == (1, sentence, "")


def test_the_maps_need_no_run(script: Callable[..., Outcome]) -> None:
    done = script("pictures", "--what", "legendre")
    assert (done.code, done.out) == (0, "legendre: wrote outputs/pictures/legendre.png and .svg\n"), done.err


def test_of_many_groups_the_pictures_are_spread_over_all_depths(
    command: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw, "MOST_GROUPS", 2)
    assert command("train", "-m", "model=mlp", "model.depth=1,2,4", *SMALL).code == 0
    album = draw_pictures(find_runs(tmp_path / "outputs"), tmp_path / "out", ["moves"])
    assert [picture.title.split(", ")[1] for picture in album.pictures] == ["1 × 2", "4 × 2"]
    (why,) = album.missing["moves"]
    assert why.startswith("more than 2 groups of networks")
    assert "2 × 2, random start" in why
