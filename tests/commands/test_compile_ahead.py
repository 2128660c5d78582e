"""The rows of a sweep on a GPU compile in processes of their own, before their turn."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bregman_exp.cli import compile_ahead
from bregman_exp.cli.compile_ahead import CompileAhead, compile_row, rows
from bregman_exp.training.form import Form


def test_the_rows_are_the_sweep_without_its_seeds() -> None:
    words = [
        "seed=0,1",
        "row=resnet20,bregman_resnet20_tanh",
        "trainer=gpu",
        "row=resnet20,bregman_resnet20_atan",
    ]
    assert rows(words) == [
        ["row=resnet20", "trainer=gpu"],
        ["row=bregman_resnet20_atan", "trainer=gpu"],
    ]
    assert rows(["row=resnet20", "~logger", "seeds=0..4", "+act.beta=1e3"]) == [
        ["row=resnet20", "~logger", "+act.beta=1e3"]
    ]


def config(accelerator: str) -> OmegaConf:
    return OmegaConf.create(
        {
            "trainer": {"accelerator": accelerator},
            "hydra": {
                "sweeper": {"params": {"row": "resnet20,bregman_resnet20_tanh", "seed": "0,1"}},
                "overrides": {"task": ["experiment=cifar10_table"]},
            },
        }
    )


@pytest.mark.parametrize(("accelerator", "processes"), [("gpu", 2), ("cpu", 0)])
def test_a_sweep_on_a_gpu_starts_a_process_a_row_and_ends_them(monkeypatch, accelerator, processes) -> None:
    started: list[list[str]] = []
    real = subprocess.Popen

    def popen(command: list[str], **streams: int) -> subprocess.Popen:
        started.append(command)
        return real([sys.executable, "-c", "import time; time.sleep(600)"], **streams)

    monkeypatch.setattr(subprocess, "Popen", popen)
    callback = CompileAhead()
    callback.on_multirun_start(config(accelerator))
    words = [command[3:] for command in started]
    assert words == [[row, "experiment=cifar10_table"] for row in rows_of_the_table()][:processes]
    callback.on_multirun_end(config(accelerator))
    assert all(process.returncode is not None for process in callback.processes)


def rows_of_the_table() -> list[str]:
    return ["row=resnet20", "row=bregman_resnet20_tanh"]


def test_a_row_takes_a_step_of_its_shape_in_each_compiled_form(
    image_tree: Path, tmp_path, monkeypatch
) -> None:
    seen = []

    def step(net, optim, forward, batch, form: Form, half) -> None:
        seen.append((form.name, tuple(batch[0].shape), forward.logits(batch[0]).shape[1], half))

    monkeypatch.setattr(compile_ahead, "try_step", step)
    monkeypatch.setattr("bregman_exp.build.steps.compiled", lambda module, device: module)
    monkeypatch.chdir(tmp_path)
    words = ["row=bregman_resnet20_softplus", "dataset=image_folder", f"dataset.root={image_tree}"]
    compile_row([*words, "trainer.batch_size=6"])
    assert seen == [("compiled", (6, 3, 8, 8), 2, None)]
    assert not list(tmp_path.glob("outputs"))
    seen.clear()
    compile_row(["model=bregman_mlp"])
    compile_row(["row=resnet20", "trainer.devices=2", "trainer.strategy=ddp_spawn"])
    assert not seen
