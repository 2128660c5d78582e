"""scripts/report.py and scripts/status.py: runs that were really trained become a page."""

import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

import bregman_exp as bx
from bregman_exp.runs import RunFolder
from bregman_exp.runs.metrics_file import sealed
from tests.conftest import TINY, Outcome

SMALL = ("dataset=two_spiral", *TINY[1:])


def commands_in(page: str) -> list[str]:
    return [html.unescape(line) for line in re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", page)]


def test_a_page_of_real_runs(
    command: Callable[..., Outcome], script: Callable[..., Outcome], tmp_path: Path
) -> None:
    sweep = ("-m", "model=mlp,bregman_mlp", "seed=0,1", "attack=paper", "++model.init=deterministic")
    assert command("train", *sweep, "optim.lr=0.05", *SMALL).code == 0
    said = script("report", "outputs/adhoc")
    assert said.code == 0, said.err
    assert said.out == "wrote outputs/adhoc/report.html\n"
    assert said.err == "4 runs read; drawing pictures\n"
    page = (tmp_path / "outputs" / "adhoc" / "report.html").read_text()
    assert page.count('<figure class="picture">') >= 6
    assert "one depth only" in page  # why there is no picture of the depth
    assert 'id="check-points-in-threat"' in page
    assert "The most that an adversarial point is outside ball or box" in page  # from docs/checks.md
    lines = commands_in(page)
    assert lines[-3].endswith("scripts/report.py outputs/adhoc")  # after it, those of both rows
    for line in lines[-2:]:
        again = command("train", *shlex.split(line)[2:])
        assert again.code == 0, again.err
        assert again.err.count("is complete: skipped") == 2


def test_where_the_page_goes(trained: Path, script: Callable[..., Outcome], tmp_path: Path) -> None:
    assert script("report", "outputs/*", "--no-pictures").out == "wrote outputs/report.html\n"
    assert "<img" not in (tmp_path / "outputs" / "report.html").read_text()
    assert (
        script("report", "outputs", "--no-pictures", "--output", "there/p.html").out == "wrote there/p.html\n"
    )
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["p.html"]


def test_mistakes_are_one_sentence(trained: Path, script: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, sentence in (
        (["nowhere"], "there is no folder nowhere; give folders that hold runs."),
        (["empty"], "there are no runs in empty; train some first."),
        (
            ["outputs", "--attack", "cw"],
            "no complete run has an attack whose id starts with 'cw'; there are: none.",
        ),
    ):
        said = script("report", *words)
        assert said.code == 1
        assert said.err.splitlines()[-1] == sentence
    assert script("status", "nowhere").code == 1
    assert not list(tmp_path.rglob("*.html"))


def test_status(trained: Path, script: Callable[..., Outcome]) -> None:
    begun = RunFolder(trained.with_name("seed-1-x"))
    begun.begin((trained / "config.yaml").read_text().replace("seed: 0", "seed: 1"))
    with FileLock(begun.lock):
        said = script("status")
    (row,) = [line for line in said.out.split("\n") if line.startswith("│ bregman_mlp")]
    assert [cell.strip() for cell in row.strip("│").split("│")][1:] == ["0–1", "1", "1", "0"]
    begun.fail(ValueError("too hot\nindeed"))
    assert f"{begun.path.name}: ValueError: too hot\n" in script("status", "outputs").out


def test_an_interrupted_run_is_of_the_row_of_its_finished_twins(
    command: Callable[..., Outcome], script: Callable[..., Outcome], tmp_path: Path
) -> None:
    """A standard network has no clamp: model.clamp=null is the row of model.clamp=0.1."""
    words = ("model=mlp", *SMALL, "attack=none")
    assert command("train", *words, "seed=0", "model.clamp=0.1").code == 0
    assert command("train", *words, "seed=1", "model.clamp=null").code == 0
    (begun,) = tmp_path.rglob("seed-1-*")
    for name in ("metrics.json", "predictions.npz"):
        (begun / name).unlink()
    note = RunFolder(begun).read_note()
    assert {"model=mlp", "model.clamp=null", "seed=1"} <= set(note["overrides"])
    frame = bx.results("outputs")
    assert frame["row"].nunique() == 1
    assert dict(zip(frame["seed"], frame["state"], strict=True)) == {0: "complete", 1: "interrupted"}
    shown = script("table", "outputs", "--format", "markdown").out
    (line,) = [line for line in shown.splitlines() if line.startswith("| mlp")]
    assert "| 1 of 2 " in line
    assert script("status", "outputs").out.count("│ mlp") == 1


def test_images_of_a_folder_are_repeated_and_drawn(
    command: Callable[..., Outcome], script: Callable[..., Outcome], image_tree: Path, tmp_path: Path
) -> None:
    small = ("trainer.batch_size=10", "trainer.max_epochs=2", "attack=none", "dataset.n_val=4")
    words = ("row=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", *small)
    assert command("train", *words).code == 0
    assert script("report", "outputs").code == 0
    page = (tmp_path / "outputs" / "report.html").read_text()
    line = commands_in(page)[-1]
    assert "is complete: skipped" in command("train", *shlex.split(line)[2:]).err
    assert "Learning curves: " in page
    assert "of another version of this program" not in page


def test_a_config_of_another_time_costs_its_words_and_pictures_alone(
    command: Callable[..., Outcome], trained: Path, script: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert command("train", "model=mlp", *SMALL, "attack=none").code == 0
    config = trained / "config.yaml"
    config.write_text(config.read_text().replace("momentum:", "impetus:"))
    metrics = trained / "metrics.json"  # written with it then
    metrics.write_text(json.dumps(sealed(json.loads(metrics.read_text()), config)))
    said = script("report", "outputs")
    assert said.code == 0, said.err
    page = (tmp_path / "outputs" / "report.html").read_text()
    assert "their config is of another version of this program (bregman_mlp" in page
    assert page.count("Learning curves: ") >= 1
