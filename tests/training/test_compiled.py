"""Training in compiled form: the same as plain, resumed to the last bit, refused where it cannot be."""

import json
import shutil
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bregman_exp.cli import forms
from bregman_exp.compiling import forget_compiled
from bregman_exp.training import probe
from bregman_exp.training.probe import Trial, try_step
from tests.commands.test_resume import checkpoint, curve, interrupt_in_epoch, same, the_run
from tests.conftest import Outcome

STEPS = 12  # of the run below
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")


def resnet(image_tree: Path) -> tuple[str, ...]:
    """A ResNet20 on 20 images, 4 steps an epoch, the last batch of another size than the compiled one."""
    return (
        *("model=bregman_resnet20", "act=tanh", "attack=none", "optim.lr=0.01"),
        *("dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4"),
        *("trainer.batch_size=6", "trainer.max_epochs=3"),
    )


# of one core about 20 s, 50 s where torch has not compiled the like before
@pytest.mark.slow
@needs_compiler
def test_compiled_is_plain_to_rounding_and_resumes_bit_for_bit(
    command, image_tree: Path, tmp_path: Path, monkeypatch
) -> None:
    words = (*resnet(image_tree), "trainer.fast=compiled")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch, KeyboardInterrupt)
        assert command("train", *words, "output_dir=a").code == 130
    assert checkpoint(the_run(tmp_path / "a"))["epoch"] == 0
    resumed = command("train", *resnet(image_tree), "output_dir=a")  # left to itself: goes on as it began
    assert "resuming" in resumed.err
    monkeypatch.setattr(forms, "WORTH_TRYING", STEPS)
    for name, seconds in (("b", 0.0), ("plain", 1e9)):  # left to itself: compiles where that can pay
        monkeypatch.setitem(probe.COMPILE_SECONDS, "cpu", seconds)
        monkeypatch.setattr(forms, "try_step", slow_unless_compiled)
        assert command("train", *resnet(image_tree), f"output_dir={name}").code == 0
    forget_compiled()
    a, b, plain = (the_run(tmp_path / name) for name in ("a", "b", "plain"))
    assert checkpoint(b)["global_step"] == STEPS
    assert [checkpoint(folder)["form"] for folder in (a, b, plain)] == ["compiled", "compiled", "eager"]
    assert all(same(checkpoint(a)[part], checkpoint(b)[part]) for part in PARTS)
    assert curve(a) == curve(b)
    assert figures(a)["clean"] == figures(b)["clean"]
    assert not same(checkpoint(b)["state_dict"], checkpoint(plain)["state_dict"])  # by rounding alone:
    for name, value in checkpoint(plain)["state_dict"].items():
        torch.testing.assert_close(checkpoint(b)["state_dict"][name], value, rtol=1e-3, atol=1e-4)


def slow_unless_compiled(net, optim, forward, batch, form, half) -> Trial:
    """A trial whose time does not depend on the machine."""
    return replace(try_step(net, optim, forward, batch, form, half), seconds=1.0 if form.compiled else 2.0)


def figures(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def refused(outcome: Outcome, said: str) -> bool:
    """One sentence, and no run."""
    assert "Traceback" not in outcome.err
    assert not list(Path("outputs").rglob("config.yaml"))
    return outcome.code == 1 and said in outcome.err


def test_an_mlp_is_not_compiled(command) -> None:
    outcome = command("train", "model=bregman_mlp", "trainer.fast=compiled")
    assert refused(outcome, "trainer.fast=compiled: only ResNets have other forms; use null")


def test_several_devices_are_not_compiled_for(command, image_tree: Path) -> None:
    devices = ("trainer.devices=2", "trainer.strategy=ddp_spawn")
    outcome = command("train", *resnet(image_tree), "trainer.fast=compiled", *devices)
    assert refused(outcome, "trainer.fast=compiled: with trainer.devices=2 it is not possible; use null")


def test_without_a_compiler_it_is_told_what_to_install(command, image_tree: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", "no-such-c++")
    outcome = command("train", *resnet(image_tree), "trainer.fast=compiled")
    assert refused(
        outcome, "trainer.fast=compiled: it needs the C++ compiler no-such-c++, which is not installed"
    )


@needs_compiler
def test_without_the_python_header_too(command, image_tree: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    outcome = command("train", *resnet(image_tree), "trainer.fast=compiled")
    assert refused(
        outcome, f"trainer.fast=compiled: it needs {tmp_path / 'Python.h'}, which is not installed"
    )
