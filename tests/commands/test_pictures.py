"""scripts/pictures.py: which pictures the runs allow, and what is said of the others."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bregman_exp.analysis.figures import kinds
from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.curves import learned
from bregman_exp.analysis.figures.depth import depth
from bregman_exp.analysis.figures.kinds import KINDS, told
from bregman_exp.analysis.figures.rows import (
    Row,
    any_depth,
    label_of,
    same_architecture,
    strokes_of,
    twins,
)
from bregman_exp.analysis.figures.rows import rows_of as rows_of_frame
from bregman_exp.analysis.figures.style import VERSIONS
from bregman_exp.analysis.frame import read_results
from bregman_exp.config import Resnet
from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.runs.metrics_file import sealed
from tests.conftest import TINY, Outcome

SMALL = ("dataset=two_spiral", *TINY[1:], "attack=none")


def draw_pictures(folders: list[RunFolder], out: Path, what: Sequence[str] = ()) -> Album:
    return kinds.draw_pictures(read_results(folders).frame, out, what)


def rows_of(folders: list[RunFolder]) -> list[Row]:
    return rows_of_frame(read_results(folders).frame)[0]


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
    assert [picture.what for picture in album.pictures] == kinds
    for picture in album.pictures:
        assert picture.title
        assert picture.caption.endswith(".")
        assert picture.png.stat().st_size > 5000
        assert picture.svg.stat().st_size > 5000
    (layers,) = album.drawn("layers")
    assert layers.gif is not None
    assert layers.title == "Representation by layer: MLP, 3 × 2, random start, atan, 2 epochs"
    assert layers.png.name == "layers-mlp-3x2-random-start-atan-2-epochs.png"
    assert "standard: 2 seeds, Bregman: 2 seeds" in album.drawn("separation")[0].caption
    (robust,) = album.drawn("robust")
    assert robust.caption.endswith("the classifier is constant. Bregman: 1 seed.")  # the one attacked
    assert album.missing == {"depth": ["one depth only (MLP, two-spiral, atan)."]}
    lines = told(album)
    assert len(lines) == 9
    assert lines[-1] == "depth: not drawn: one depth only (MLP, two-spiral, atan)."


def test_depths_share_a_picture_and_other_kinds_do_not(
    command: Callable[..., Outcome], versions: list[RunFolder], tmp_path: Path
) -> None:
    assert command("train", "model=bregman_mlp", "model.depth=5", *SMALL).code == 0
    rows = rows_of(find_runs(tmp_path / "outputs"))
    assert [(row.version, row.depth, row.seeds) for row in rows] == [
        ("standard", 3, (0, 1)),
        ("bregman", 3, (0, 1)),
        ("bregman", 5, (0,)),
    ]
    assert [len(group) for group in twins(rows)] == [2, 1]
    assert [len(group) for group in same_architecture(rows)] == [2, 1]
    assert [len(group) for group in any_depth(rows)] == [3]
    album = draw_pictures(find_runs(tmp_path / "outputs"), tmp_path / "out", ["depth"])
    assert [picture.png.name for picture in album.pictures] == ["depth-mlp-two-spiral-atan.png"]
    assert "Epochs by depth: 3: 2; 5: 2." in album.pictures[0].caption


def test_resnets_of_several_depths_share_a_picture(versions: list[RunFolder], tmp_path: Path) -> None:
    first, *_ = rows_of(versions)
    runs = first.runs.assign(data_name="image_folder", data="photos")
    models = [Resnet("", f"resnet{depth}", "standard", depth) for depth in (20, 56)]
    rows = [replace(first, run=replace(first.run, model=model), runs=runs) for model in models]
    assert [len(group) for group in same_architecture(rows)] == [1, 1]
    (group,) = any_depth(rows)
    depth(group, album := Album(tmp_path / "out"))
    (drawn,) = album.pictures
    assert drawn.title == "Accuracy by depth: ResNet, photos, atan"
    assert "chance" not in drawn.caption  # of how many classes is not known, so it is not drawn
    assert "Epochs by depth: 20: 2; 56: 2." in drawn.caption


def test_rows_that_share_their_names_are_told_apart(command: Callable[..., Outcome], tmp_path: Path) -> None:
    assert command("train", "-m", "model=bregman_mlp", "++model.clamp=1e-5,1e-3", *SMALL).code == 0
    rows = rows_of(find_runs(tmp_path / "outputs"))
    (group,) = twins(rows)  # the clamp is nothing a standard network has
    labels = [label_of(row, group) for row in group]
    assert labels == [f"Bregman [{row.about('row')[:4]}]" for row in group]
    assert len(set(labels)) == 2


def test_other_widths_get_a_sentence(command: Callable[..., Outcome], tmp_path: Path) -> None:
    assert command("train", "model=mlp", "model.widths=[3,2]", *SMALL).code == 0
    album = draw_pictures(
        find_runs(tmp_path / "outputs"), tmp_path / "out", ["layers", "separation", "moves"]
    )
    assert [picture.what for picture in album.pictures] == ["separation"]
    (why,) = album.missing["layers"]
    assert why.startswith("no run is an MLP with layers of 2 neurons (model.width=2) on points in the plane")
    assert album.missing["moves"] == ["no run is an MLP with a layer that keeps the width."]


def test_a_missing_file_costs_its_picture_alone(versions: list[RunFolder], tmp_path: Path) -> None:
    versions[0].curves.unlink()
    versions[1].checkpoint("last").unlink()
    album = draw_pictures(versions, tmp_path / "out", ["curves", "layers", "depth"])
    assert not album.pictures
    assert album.missing["curves"] == [f"{versions[0].curves} is missing or damaged."]
    assert str(versions[1].checkpoint("last")) in album.missing["layers"][0]


def test_a_changed_digit_of_a_learning_curve_is_told(versions: list[RunFolder], tmp_path: Path) -> None:
    text = versions[0].curves.read_text()
    versions[0].curves.write_text(text.replace("\n0,", "\n1,"))
    album = draw_pictures(versions, tmp_path / "out", ["curves"])
    assert album.missing["curves"] == [f"{versions[0].curves} is missing or damaged."]


def test_learning_curves_end_where_a_seed_stopped(versions: list[RunFolder], tmp_path: Path) -> None:
    lines = versions[0].curves.read_text().splitlines()
    versions[0].curves.write_text("\n".join(lines[:2]) + "\n")  # the heading and one epoch of two
    versions[0].metrics.write_text(json.dumps(sealed(versions[0].read_metrics(), versions[0].curves)))
    rows = rows_of(versions)
    shapes = [learned(row)["val/loss"].shape for row in rows]
    assert sorted(shapes) == [(2, 1), (2, 2)]
    assert draw_pictures(versions, tmp_path / "out", ["curves"]).drawn("curves")


def test_the_script(versions: list[RunFolder], script: Callable[..., Outcome], tmp_path: Path) -> None:
    done = script("pictures", "outputs/adhoc/*mlp*", "--what", "moves", "legendre", "--out", "here")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "moves: wrote here/moves-mlp-3x2-random-start-atan-2-epochs.png and .svg",
        "legendre: wrote here/legendre.png and .svg",
    ]
    assert len(list((tmp_path / "here").iterdir())) == 4


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


def test_the_maps_are_of_no_run(script: Callable[..., Outcome]) -> None:
    done = script("pictures", "--what", "legendre")
    assert (done.code, done.out) == (0, "legendre: wrote outputs/pictures/legendre.png and .svg\n"), done.err


def test_of_many_groups_the_pictures_are_spread_over_all_depths(
    command: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bregman_exp.analysis.figures.kinds.MOST_GROUPS", 2)
    assert command("train", "-m", "model=mlp", "model.depth=1,2,4", *SMALL).code == 0
    album = draw_pictures(find_runs(tmp_path / "outputs"), tmp_path / "out", ["moves"])
    assert [picture.title.split(", ")[1] for picture in album.pictures] == ["1 × 2", "4 × 2"]
    (why,) = album.missing["moves"]
    assert why.startswith("more than 2 groups of networks")
    assert "2 × 2, random start" in why


def test_asked_for_and_not_possible(versions: list[RunFolder], script: Callable[..., Outcome]) -> None:
    done = script("pictures", "--what", "robust", "moves")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-1].startswith("robust: not drawn: no attack was run")


def test_damaged_metrics_are_one_sentence(
    versions: list[RunFolder], script: Callable[..., Outcome], tmp_path: Path
) -> None:
    versions[0].metrics.write_text("{}")
    done = script("pictures", "--what", "curves")
    assert done.code == 0
    told = "has no seed; remove it and run the same command again."
    assert f"left out: {versions[0].metrics.relative_to(tmp_path)} {told}" in done.err
    assert "wrote" in done.out  # the others' pictures


def test_a_version_looks_the_same_everywhere_and_no_two_curves_alike() -> None:
    labels = ["standard", "Bregman, atan", "Bregman, tanh", "Euclidean", "Bregman, isru"]
    strokes = strokes_of(labels, ["standard", "bregman", "bregman", "euclidean", "bregman"])
    assert (strokes["standard"], strokes["Euclidean"]) == (VERSIONS["standard"], VERSIONS["euclidean"])
    assert strokes["Bregman, atan"] == VERSIONS["bregman"]
    assert len(set(strokes.values())) == len(labels)


def test_two_pictures_of_one_name_are_two_files(tmp_path: Path) -> None:
    album = Album(tmp_path)
    for _ in range(2):
        draw_into(album)
    assert [picture.png.name for picture in album.pictures] == ["moves-a-net.png", "moves-a-net-2.png"]


def draw_into(album: Album) -> None:
    from matplotlib.figure import Figure

    album.add(Figure(figsize=(1, 1)), "moves", "Moves: a net", "A caption.")
