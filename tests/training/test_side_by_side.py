"""Several ResNets side by side: each run is the one that seed=k gives alone, to the last bit.

On a CPU ``trainer.fast=captured`` does everything that a GPU run does but for the graph, which is a call.
"""

import gc
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from bregman_exp.cli.sweep import Outcome as Ended
from bregman_exp.training.side_by_side import Lane, SideBySide
from tests.commands.test_seeds import (
    assert_same_bits,
    assert_same_weights,
    broken,
    checkpoint,
    comparable,
    folders,
    rows,
)
from tests.conftest import Outcome, train_in, write_images

TOGETHER = "together: "
STEPS = 4  # an epoch: 20 images, the last batch smaller


def words(
    image_tree: Path, *more: str, settings: tuple[str, ...] = ("act=tanh", "optim.milestones=[1]")
) -> tuple[str, ...]:
    return (
        *("model=bregman_resnet20", "attack=none", "optim.lr=0.01"),
        *("dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4"),
        *("trainer.batch_size=6", "trainer.max_epochs=2", *settings, *more),
    )


class Trained(NamedTuple):
    """Output folders of the same two seeds, trained side by side and one after another."""

    together: Path
    alone: Path


@pytest.fixture(scope="module")
def image_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(scope="module", autouse=True)
def few_calls() -> Iterator[None]:
    """A CPU needs no warm-up before a capture, and no test here looks at a step's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bregman_exp.training.side_by_side.graph.WARM_UP", 1)
        patch.setitem(import_module("bregman_exp.training.probe").TIMED_STEPS, "cpu", 1)
        gc.freeze()  # or each collection before a capture looks through all that torch has imported
        yield
        gc.unfreeze()


def trained_twice(place: Path, image_tree: Path, **settings: tuple[str, ...]) -> Trained:
    form = {"together": "captured", "alone": "false"}
    for name, fast in form.items():
        more = ("seeds=0..1", f"output_dir={name}", f"trainer.fast={fast}")
        train_in(place, *words(image_tree, *more, **settings))
    return Trained(*(place / name for name in form))


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory: pytest.TempPathFactory, image_tree: Path) -> Trained:
    return trained_twice(tmp_path_factory.mktemp("plain"), image_tree)


def together(command, image_tree: Path, *more: str) -> Outcome:
    return command("train", *words(image_tree, *more), "trainer.fast=captured")


def interrupt_in_epoch(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SideBySide.training_step

    def step(self: SideBySide, batch: list, batch_idx: int) -> dict:
        if self.current_epoch == epoch and batch_idx == 2:
            raise KeyboardInterrupt
        return real(self, batch, batch_idx)

    monkeypatch.setattr(SideBySide, "training_step", step)


def test_each_run_is_the_one_of_its_seed_alone(trained_runs: Trained) -> None:
    assert_same_runs(*trained_runs)


def test_also_with_other_settings(image_tree: Path, tmp_path: Path) -> None:
    assert_same_runs(
        *trained_twice(tmp_path, image_tree, settings=("optim=adamw", "act=atan", "trainer.max_epochs=1"))
    )


def assert_same_runs(together: Path, alone: Path) -> None:
    many = folders(together)
    assert len(many) == 2
    assert many.keys() == folders(alone).keys()
    for name, one in folders(alone).items():
        assert TOGETHER not in (one / "run.log").read_text()
        assert "training seeds 0..1 together" in (many[name] / "run.log").read_text()
        for which in ("last", "best"):
            mine, wanted = checkpoint(many[name], which), checkpoint(one, which)
            assert (mine["epoch"], mine["global_step"]) == (wanted["epoch"], wanted["global_step"])
            assert mine["state_dict"].keys() == wanted["state_dict"].keys()
            for key, value in wanted["state_dict"].items():
                assert torch.equal(mine["state_dict"][key], value), (which, key)
        assert np.array_equal(rows(many[name]), rows(one))
        mine, wanted = comparable(many[name]), comparable(one)
        assert (mine["train"].pop("form"), wanted["train"].pop("form")) == ("captured", "eager")
        assert mine == wanted
        arrays = [np.load(folder / "predictions.npz") for folder in (many[name], one)]
        assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[1])
        train = json.loads((many[name] / "metrics.json").read_text())["train"]
        assert train["seeds_together"] == 2
        assert [form["form"] for form in train["forms"]] == ["eager", "captured"]
        assert "form captured chosen" in (many[name] / "run.log").read_text()
    assert not list(together.rglob(".stack-*"))


def test_resumed_is_uninterrupted_bit_for_bit(
    command, image_tree, tmp_path, monkeypatch, trained_runs: Trained
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        assert together(command, image_tree, "seeds=0..1", "output_dir=a").code == 130
    (stack,) = tmp_path.rglob(".stack-*/checkpoints/last.ckpt")
    assert torch.load(stack, weights_only=True)["epoch"] == 0
    with monkeypatch.context() as patch:
        patch.setattr("bregman_exp.cli.train_job.train_run", lambda *_: Ended.POSTPONED)
        plain = command("train", *words(image_tree, "seeds=0..1", "output_dir=a", "trainer.fast=false"))
    assert f"{stack.parents[1].relative_to(tmp_path)} has a training of these seeds together" in plain.err
    assert "resuming seeds 0..1 together" in together(command, image_tree, "seeds=0..1", "output_dir=a").err
    assert_same_bits(tmp_path / "a", trained_runs.together)
    assert not list(tmp_path.rglob(".stack-*"))


@pytest.mark.slow
def test_some_of_the_seeds_go_on(command, image_tree, tmp_path, monkeypatch) -> None:
    """One was trained alone in between: the others go on with what is theirs in the common checkpoint."""
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        together(command, image_tree, "seeds=0..2", "output_dir=a")
    assert command("train", *words(image_tree, "seed=1", "output_dir=a")).code == 0
    assert "resuming 2 seeds together" in together(command, image_tree, "seeds=0..2", "output_dir=a").err
    assert together(command, image_tree, "seeds=0..2", "output_dir=b").code == 0
    assert_same_bits(tmp_path / "a", tmp_path / "b")


def test_killed_while_the_checkpoints_are_written(
    command, image_tree, tmp_path, monkeypatch, trained_runs: Trained
) -> None:
    """One of two has its own: the other's come from the common one, without training."""
    real = SideBySide.checkpoints

    def until_the_second(self: SideBySide, row: int) -> dict:
        if row == 1:
            raise KeyboardInterrupt
        return real(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(SideBySide, "checkpoints", until_the_second)
        assert together(command, image_tree, "seeds=0..1", "output_dir=a").code == 130
    with monkeypatch.context() as patch:
        patch.setattr(SideBySide, "training_step", broken)
        assert together(command, image_tree, "seeds=0..1", "output_dir=a").code == 0
    assert_same_bits(tmp_path / "a", trained_runs.together)


def test_a_single_seed_is_captured_too(command, image_tree, tmp_path, trained_runs: Trained) -> None:
    assert "training seed 1: " in together(command, image_tree, "seed=1", "output_dir=a").err
    ((name, single),) = folders(tmp_path / "a").items()
    assert_same_weights(single, folders(trained_runs.alone)[name], rtol=0, atol=0)
    assert np.array_equal(rows(single), rows(folders(trained_runs.alone)[name]))


@pytest.mark.slow
def test_a_seed_that_diverges_does_not_touch_the_others(command, image_tree, tmp_path, monkeypatch) -> None:
    assert together(command, image_tree, "seeds=0..2", "output_dir=b").code == 0
    real = Lane.begin

    def begin(self: Lane, epoch: int, rates: list[float]) -> None:
        real(self, epoch, rates)
        if epoch == 1 and self.batches.seed == 1:
            self.model.linear.weight.data.fill_(torch.nan)

    with monkeypatch.context() as patch:
        patch.setattr(Lane, "begin", begin)
        outcome = together(command, image_tree, "seeds=0..2", "output_dir=a")
    assert outcome.code == 1
    assert sum(line.startswith("Error: ") for line in outcome.err.splitlines()) == 1
    a = folders(tmp_path / "a")
    for name, folder in folders(tmp_path / "b").items():
        if name.startswith("seed-1"):
            failure = json.loads((a[name] / "failure.json").read_text())
            assert (failure["epoch"], failure["step"]) == (1, STEPS)
            assert "NonFiniteLossError: The loss is nan" in failure["error"]
            assert not list(a[name].rglob("*.ckpt"))
        else:
            assert np.array_equal(rows(a[name]), rows(folder))
            assert comparable(a[name]) == comparable(folder)


@pytest.mark.slow
def test_in_half_precision(command, image_tree, tmp_path, monkeypatch) -> None:
    half, said = "trainer.precision=bf16-mixed", "this CPU has no bfloat16 arithmetic"
    monkeypatch.setattr("bregman_exp.build.steps.bf16_is_fast_here", lambda: False)
    outcome = together(command, image_tree, "seeds=0..1", half, "output_dir=a")
    assert outcome.code == 0
    assert outcome.err.count(said) == 1
    monkeypatch.setattr("bregman_exp.build.steps.bf16_is_fast_here", lambda: True)
    alone = words(image_tree, "seed=1", half, "output_dir=b", "trainer.fast=false")
    outcome = command("train", *alone)
    assert outcome.code == 0
    assert said not in outcome.err
    ((name, one),) = folders(tmp_path / "b").items()
    for key, value in checkpoint(one)["state_dict"].items():
        assert torch.equal(checkpoint(folders(tmp_path / "a")[name])["state_dict"][key], value), key


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("trainer.patience=3",), "with trainer.patience it is not possible; use null"),
        (("optim.l1=0.1",), "with optim.l1 it is not possible; use null"),
        (("trainer.fast=captured-tf32",), "with trainer=cpu there are eager, compiled, captured"),
        (("trainer.fast=quick",), "use null, false or one of eager, compiled, captured"),
    ],
    ids=str,
)
def test_what_is_not_possible_is_said(
    command, image_tree, tmp_path, more: tuple[str, ...], said: str
) -> None:
    given = words(image_tree, "trainer.fast=captured", *more)
    outcome = command("train", *given)
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.rglob("config.yaml"))
