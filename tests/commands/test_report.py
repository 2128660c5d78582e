"""scripts/report.py and scripts/status.py: runs that were really trained become a page."""

import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from bregman_exp.cli.repeat import preset_command, repeating_words, train_command
from bregman_exp.results import RunFolder, find_runs
from bregman_exp.results.metrics_file import sealed
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
    assert "The most that an adversarial point leaves the ball or the box" in page  # from docs/checks.md
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


@pytest.mark.parametrize(
    "words",
    [
        ("experiment=two_spiral_depth", "hydra.mode=RUN", "model=mlp", "model.depth=5"),
        ("experiment=two_spiral_3", "scale=small", "hydra.mode=RUN", "model=bregman_mlp", "attack=none"),
        ("experiment_name=mine", "model=bregman_mlp", "act=softplus", "act.beta=10", "model.widths=[8,8,2]"),
        ("model=mlp", "optim=adam", "dataset.noise=2.0", "trainer.patience=3", "attack.samples=20"),
        ("model=mlp", "attack=suite", "attack.attacks=[{attack: pgd, norm: linf, eps: [0.1], steps: 3}]"),
    ],
    ids=lambda words: words[0],
)
def test_the_words_that_make_a_run_again(
    words: tuple[str, ...], command: Callable[..., Outcome], tmp_path: Path
) -> None:
    tiny = [word for word in (*SMALL[1:], "trainer.max_epochs=1") if "epochs=2" not in word]
    assert command("train", *words, *tiny).code == 0
    (folder,) = find_runs(tmp_path / "outputs")
    found = repeating_words(folder)
    assert found is not None
    line = train_command(found, [0])
    again = command("train", *shlex.split(line)[2:])
    assert "is complete: skipped" in again.err
    assert f"{folder.path.name}" in again.err


def test_images_of_a_folder_are_repeated_and_drawn(
    command: Callable[..., Outcome], script: Callable[..., Outcome], image_tree: Path, tmp_path: Path
) -> None:
    small = ("trainer.batch_size=10", "trainer.max_epochs=2", "attack=none", "dataset.n_val=4")
    words = ("row=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", *small)
    assert command("train", *words).code == 0
    (folder,) = find_runs(tmp_path / "outputs")
    found = repeating_words(folder)
    assert found is not None
    assert "is complete: skipped" in command("train", *found, "seed=0").err
    assert script("report", "outputs").code == 0
    page = (tmp_path / "outputs" / "report.html").read_text()
    assert "Learning curves: " in page
    assert "of another version of this program" not in page


def test_the_preset_of_several_rows() -> None:
    depth = [
        [
            "experiment=two_spiral_depth",
            "hydra.mode=RUN",
            f"model={model}",
            f"model.depth={n}",
            "optim.lr=1.0",
        ]
        for model, n in (("mlp", 5), ("bregman_mlp", 5))
    ]
    assert preset_command(depth) == "python train.py experiment=two_spiral_depth optim.lr=1.0"
    table = [["experiment=cifar10_table", "scale=small", "hydra.mode=RUN", "model=resnet20"]]
    assert preset_command(table) == "python train.py experiment=cifar10_table scale=small"
    assert preset_command([["experiment_name=mine", "model=mlp"]]) is None
    assert preset_command([*depth, ["model=mlp"]]) is None
    assert train_command(depth[0][:1], [3, 1, 2]) == "python train.py experiment=two_spiral_depth seeds=1..3"


def test_a_suite_named_by_a_number_has_no_words_and_stops_no_report(
    command: Callable[..., Outcome], script: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert command("train", *TINY, "attack=noise", "attack.name='7'").code == 0
    (folder,) = find_runs(tmp_path / "outputs")
    assert repeating_words(folder) is None
    said = script("report", "outputs", "--no-pictures")
    assert said.code == 0, said.err


def test_a_config_of_another_time_costs_its_words_and_pictures_alone(
    command: Callable[..., Outcome], trained: Path, script: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert command("train", "model=mlp", *SMALL, "attack=none").code == 0
    config = trained / "config.yaml"
    config.write_text(config.read_text().replace("momentum:", "impetus:"))
    metrics = trained / "metrics.json"  # written with it then
    metrics.write_text(json.dumps(sealed(json.loads(metrics.read_text()), config)))
    assert repeating_words(RunFolder(trained)) is None
    said = script("report", "outputs")
    assert said.code == 0, said.err
    page = (tmp_path / "outputs" / "report.html").read_text()
    assert "their config is of another version of this program (bregman_mlp" in page
    assert page.count("Learning curves: ") >= 1
