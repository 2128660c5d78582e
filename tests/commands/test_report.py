"""scripts/report.py and scripts/status.py: runs that were really trained become a page."""

import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

import bregman_exp as bx
from bregman_exp.analysis.figures import draw
from bregman_exp.runs import RunFolder
from bregman_exp.runs.metrics_file import sealed
from tests.conftest import Outcome

Command = Callable[..., Outcome]


def commands_in(page: str) -> list[str]:
    return [html.unescape(line) for line in re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", page)]


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kinds, as all of them take long."""
    every = draw.draw_pictures
    monkeypatch.setattr(
        draw, "draw_pictures", lambda frame, out: every(frame, out, ["curves", "depth", "moves"])
    )


def test_a_page_of_real_runs(
    command: Command, script: Command, sweep: list[RunFolder], few_pictures: None
) -> None:
    done = script("report", "outputs/adhoc")
    assert (done.code, done.out) == (0, "wrote outputs/adhoc/report.html\n")
    assert done.err == "4 runs read; drawing pictures\n"
    page = Path("outputs/adhoc/report.html").read_text()
    assert page.count('<figure class="picture">') == 2
    assert "one depth only" in page  # why there is no picture of the depth
    assert 'id="check-points-in-threat"' in page
    assert "The most that an adversarial point is outside ball or box" in page  # from docs/checks.md
    *_, making, first, second = commands_in(page)
    assert making.endswith("scripts/report.py outputs/adhoc")
    for line in (first, second):  # of both rows
        again = command("train", *shlex.split(line)[2:])
        assert (again.code, again.err.count("(skipped as complete)")) == (0, 2), again.err


def test_a_config_of_another_time_costs_its_pictures_alone(
    script: Command, sweep: list[RunFolder], few_pictures: None
) -> None:
    for folder in sweep[:2]:
        folder.config.write_text(folder.config.read_text().replace("momentum:", "impetus:"))
        folder.metrics.write_text(json.dumps(sealed(folder.read_metrics(), folder.config)))  # written with it
        folder.predictions.unlink()
    assert script("report", "outputs").code == 0
    page = Path("outputs/report.html").read_text()
    assert "their config is of another version of this program (two-spiral, bregman_mlp (atan), " in page
    assert "Learning curves: two-spiral, mlp and bregman_mlp (atan)" in page


def test_where_the_page_goes(trained: Path, script: Command) -> None:
    assert script("report", "outputs/*", "--no-pictures").out == "wrote outputs/report.html\n"
    assert "<img" not in Path("outputs/report.html").read_text()
    done = script("report", "outputs", "--no-pictures", "--output", "there/p.html")
    assert done.out == "wrote there/p.html\n"
    assert [path.name for path in Path("there").iterdir()] == ["p.html"]


def test_mistakes_are_one_sentence(trained: Path, script: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    unknown = "no complete run has an attack whose id starts with 'cw'; there are: none."
    for words, sentence in (
        (["nowhere"], "there is no folder nowhere; give folders that hold runs."),
        (["empty"], "there are no runs in empty; train some first."),
        (["outputs", "--attack", "cw", "--no-pictures"], unknown),
    ):
        done = script("report", *words)
        assert (done.code, done.err.splitlines()[-1]) == (1, sentence)
    assert script("status", "nowhere").code == 1
    assert not list(tmp_path.rglob("*.html"))


def row_of(status: str, name: str) -> list[str]:
    (row,) = [line for line in status.split("\n") if line.startswith(f"│ {name}")]
    return [cell.strip() for cell in row.strip("│").split("│")][1:]


def test_status(trained: Path, script: Command) -> None:
    begun = RunFolder(trained.with_name("seed-1-x"))
    begun.begin((trained / "config.yaml").read_text().replace("seed: 0", "seed: 1"))
    with FileLock(begun.lock):
        assert row_of(script("status").out, "bregman_mlp") == ["0–1", "1", "1", "0"]
    begun.fail(ValueError("too hot\nindeed"))
    assert f"{begun.path.name}: ValueError: too hot\n" in script("status", "outputs").out


def test_an_interrupted_run_is_of_the_row_of_its_finished_twins(
    script: Command, sweep: list[RunFolder]
) -> None:
    interrupted, frame = sweep[-1], bx.results("outputs")
    interrupted.metrics.unlink()
    assert {"model=mlp", "seed=1"} <= set(interrupted.read_note()["overrides"])
    assert list(bx.results("outputs").drop_duplicates("run")["row"]) == list(
        frame.drop_duplicates("run")["row"]
    )
    shown = script("table", "outputs", "--format", "markdown").out
    (line,) = [line for line in shown.splitlines() if line.startswith("| mlp")]
    assert "| 1 of 2 " in line
    assert row_of(script("status", "outputs").out, "mlp") == ["0–1", "1", "1", "0"]


def test_images_of_a_folder_are_repeated_and_drawn(
    command: Command, script: Command, image_tree: Path
) -> None:
    small = ("trainer.batch_size=10", "trainer.max_epochs=2", "attack=none", "dataset.n_val=4")
    words = ("row=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", *small)
    assert command("train", *words).code == 0
    assert script("report", "outputs").code == 0
    page = Path("outputs/report.html").read_text()
    line = commands_in(page)[-1]
    assert "is complete: skipped" in command("train", *shlex.split(line)[2:]).err
    assert "Learning curves: " in page
    assert "of another version of this program" not in page
