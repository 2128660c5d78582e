"""The name of a run's folder: what was varied, and the hash that finds it again."""

from pathlib import Path

import pytest

from bregman_exp import build
from bregman_exp.build.folder_label import LONGEST, varied
from bregman_exp.runs.metrics_file import named_identity
from tests.config.test_config import composed


@pytest.mark.parametrize(
    ("overrides", "label"),
    [
        ([], ""),
        (
            [
                "model=mlp",
                "act=tanh",
                "act.beta=2",
                "seed=3",
                "seeds=0..3",
                "attack=none",
                "eval.weights=best",
            ],
            "",
        ),
        (["++model.depth=30", "model.init=deterministic", "optim.lr=0.05"], "depth30-zero_start-lr0.05"),
        (
            ["model.init=random", "model.widths=[8,8,2]", "+model.clamp=null"],
            "random_start-widths8-8-2-clamp_null",
        ),
        (["dataset.noise=2.0", "dataset.root=/a/b", "dataset.eps.linf=[1/255]"], "noise2.0"),
        (["optim=adam", "optim.lr=1e-3", "trainer=gpu", "trainer.max_epochs=3"], "adam-lr1e-3-max_epochs3"),
        (["training=pgd_at", "training.eps=8/255", "training.norm=l2"], "pgd_at-eps8-255-norm_l2"),
        (["training=standard"], ""),
        (["trainer.max_time=00:10:00", "trainer.fast=false", "logger=wandb", "output_dir=a=b"], ""),
    ],
)
def test_what_was_varied(overrides: list[str], label: str) -> None:
    assert varied(overrides, "bregman") == label


def test_a_long_label_ends_where_a_part_ends() -> None:
    label = varied([f"model.widths=[{','.join(['2'] * 10)}]"] * 3, "standard")
    assert len(label) <= LONGEST
    assert label == "-".join(["widths2-2-2-2-2-2-2-2-2-2"] * 2)


def test_a_standard_network_starts_as_the_identity() -> None:
    assert varied(["model.init=deterministic"], "standard") == "identity_start"


def test_the_hash_finds_the_folder_under_another_name(tmp_path: Path) -> None:
    words = ["model=mlp", f"output_dir={tmp_path}", "optim.lr=0.05"]
    run = composed(*words)
    named = build.job(run, overrides=words).folder.path
    plain = build.job(run).folder.path
    assert named.name.removesuffix(plain.name[-13:]) == "seed-0-lr0.05"
    assert named_identity(named) == named_identity(plain) == {"config_hash": plain.name[-12:], "seed": 0}
    plain.mkdir(parents=True)
    assert build.job(run, overrides=words).folder.path == plain
    plain.rename(named)
    assert build.job(run).folder.path == named
    assert build.job(run).with_seed(composed(*words, "seed=10")).folder.path.name.startswith("seed-10-")
