"""Every command of the README runs (on small data, for one epoch), and every name in its table exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import bregman_exp as bx
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LINES = [line.strip().split(" #")[0].strip() for line in README.splitlines() if line.startswith("    ")]
EXPERIMENTS = re.findall(r"^python train.py experiment=(\w+)", "\n".join(LINES), re.MULTILINE)
TRAIN = [line for line in LINES if line.startswith("python train.py") and "experiment=" not in line]
# one of points, one of images; the others of these are only trained
ATTACKED = ("python train.py model=bregman_mlp", "python train.py model=bregman_resnet20 act=softplus")
# named, since Hydra composes a sweep over models once without any, and there the data set would be another
SMALL_POINTS = [
    "dataset=two_spiral",
    *(word for word in TINY if word.startswith("dataset.")),
    "trainer.max_epochs=1",
]


@pytest.mark.parametrize("line", TRAIN)
def test_train_commands(command, image_tree: Path, tmp_path: Path, line: str) -> None:
    words = [re.sub(r"^(seed=\d+),.*", r"\1", word) for word in shlex.split(line)[2:]]  # one seed a row
    if "mlp" in line:
        words += SMALL_POINTS
    else:
        words = [word for word in words if not word.startswith(("dataset", "attack.samples"))]
        words += ["dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4"]
        words += [
            "trainer.batch_size=10",
            "trainer.max_epochs=1",
            "trainer.accelerator=cpu",
            "attack.samples=4",
        ]
    if "attack" not in line and line not in ATTACKED:
        words.append("attack=none")
    outcome = command("train", *words)
    assert outcome.code == 0, outcome.err
    assert list((tmp_path / "outputs").rglob("metrics.json"))


def test_there_are_train_commands() -> None:
    assert len(TRAIN) == 9
    assert set(ATTACKED) <= set(TRAIN)


def test_the_experiments_are_those_there_are() -> None:
    """Each a sweep of hours; tests/config composes them, tests/commands runs what is small."""
    assert sorted(EXPERIMENTS) == sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


@pytest.mark.slow
def test_evaluate_and_table(command, trained: Path, tmp_path: Path) -> None:
    assert command("train", *TINY, "attack=none", "seed=1").code == 0
    (other,) = [path.parent for path in tmp_path.rglob("metrics.json") if path.parent != trained]
    evaluations = [line for line in LINES if line.startswith("python evaluate.py")]
    assert len(evaluations) == 5
    for line in evaluations:
        words = [re.sub(r"^run=.*", f"run={trained}", word) for word in shlex.split(line)[2:]]
        words = [re.sub(r"^source=.*", f"source={other}", word) for word in words]
        assert command("evaluate", *words, "attack.samples=5").code == 0
    said = ""
    for line in [line for line in LINES if line.startswith("python scripts/")]:
        _, script, *more = shlex.split(line)
        runs = iter((trained, other))
        places = [str(next(runs)) if word == "outputs/…" else word.split("/")[0] for word in more]
        places = ["" if word == "pgd" else word for word in places]  # the run here has attack=none
        words = [sys.executable, str(ROOT / script), *places]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert "two-spiral" in said
    assert list((tmp_path / "outputs" / "pictures").glob("boundary-*.png"))


def test_the_make_targets() -> None:
    for line in LINES:
        if line.startswith("make "):
            subprocess.run(["make", "-n", line.split()[1]], cwd=ROOT, check=True, capture_output=True)


def test_the_names_in_the_table_exist() -> None:
    table = [line for line in README.splitlines() if line.startswith("| `")]
    assert len(table) == 6
    for line in table:
        groups = re.findall(r"`(\w+)=`", line.split("|")[1])
        there = {path.stem for group in groups for path in (ROOT / "conf" / group).glob("*.yaml")}
        named = {name for name in re.findall(r"`(\w+)`", line.split("|")[2])}
        assert named <= there, named - there


def test_the_example_without_configs() -> None:
    block = README.split("## Without configs")[1].split("`pip install")[0]
    code = "\n".join(line.strip() for line in block.splitlines())
    scope = {"images": torch.rand(3, 3, 32, 32), "labels": torch.tensor([0, 1, 2])}
    exec(code, scope)
    assert scope["report"].n == 3
    assert scope["bx"] is bx


def test_every_path_in_the_readme_exists() -> None:
    for path in re.findall(r"\]\(([\w/.-]+)\)", README):
        assert (ROOT / path).is_file(), path
