"""--what gpu on a CPU: the same lines in a tiny form, where a graph is a call and nothing is compiled."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import command, gpu, kernels, lanes
from benchmarks.gpu import Course
from benchmarks.gpu_plan import ROWS, SOFTPLUS, Plan
from benchmarks.lanes import Setting
from benchmarks.networks import STANDARD
from benchmarks.options import Options
from benchmarks.row import Row
from benchmarks.table import table
from benchmarks.table_time import rows as table_rows
from bregman_exp.terminal import as_text
from bregman_exp.training.form import CAPTURED, EAGER, FORMS

TINY = Plan(
    torch.device("cpu"),
    batch=2,
    forms=(EAGER, CAPTURED),
    networks=(1, 2),
    seeds=2,
    images=2 * 6,
    pixels=8,
    seconds=0.01,
    kernels_of=("captured bf16",),
    product=16,
    copied=64,
    attacked=4,
    attack_batches=(2, 4),
    attack_steps=2,
)
OPTIONS = Options(batch=2, train_steps=1)


def small(row: str) -> nn.Module:
    """In place of a row's ResNet20, a step of which has a thousand operations."""
    torch.manual_seed(ROWS.index(row))
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "network", small)


def lines(seconds: float = 600.0) -> list[Row]:
    return list(Course(TINY, OPTIONS, time.perf_counter() + seconds).lines())


def test_every_line_comes_to_a_figure(quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    monkeypatch.setattr(gpu, "require_gpu", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "no card")
    monkeypatch.setitem(command.ROWS, "gpu", lambda options: lines())
    monkeypatch.setattr(sys, "argv", ["bench.py", "--what", "gpu", "--json", str(file), "--threads", "1"])
    command.bench()
    content = json.loads(file.read_text())
    assert content["machine"]["gpu"] == "no card"
    seen = content["rows"]
    assert all(line["value"] > 0 for line in seen), seen
    steps = {line["case"]: line["details"] for line in seen if line["subject"] == "steps"}
    ways = ("eager", "captured", "eager bf16", "captured bf16")
    assert set(steps) == {f"{row}, {way}, {n} side by side" for row in ROWS for way in ways for n in (1, 2)}
    for row in ROWS:
        exact = steps[f"{row}, captured, 1 side by side"]
        assert exact["loss differs"] == exact["gradient differs"] == 0
        coarse = steps[f"{row}, captured bf16, 1 side by side"]
        assert 0 < coarse["gradient differs"] <= coarse["allowed"]
        assert "refused" not in coarse
        assert 0 < exact["s to make ready"] < steps[f"{row}, captured, 2 side by side"]["s to make ready"]
    assert sum(line["subject"] == "attacks" for line in seen) == 2
    assert sum(line["subject"] == "table" for line in seen) == 2
    for row in ROWS:
        total, *parts = (line for line in seen if line["subject"] == f"kernels of {row}, captured bf16")
        assert total["unit"] == "ms a step"
        assert len(parts) == kernels.SHOWN
        shares = [line["value"] for line in parts]
        assert shares == sorted(shares, reverse=True)
        assert 50 < sum(shares) <= 100
        assert any("conv" in line["case"] for line in parts)


def test_what_fails_is_a_line_and_the_rest_goes_on(quick, monkeypatch: pytest.MonkeyPatch) -> None:
    real = lanes.try_step

    def fails_captured(model, optim, forward, batch, form, half):
        if form.captured:
            raise RuntimeError("no kernel image [/0]\nand much more")
        return real(model, optim, forward, batch, form, half)

    def no_memory(*_: object) -> Iterator[Row]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(lanes, "try_step", fails_captured)
    monkeypatch.setattr(gpu, "paper", no_memory)
    seen = lines()
    failed = {line.case: line.details["error"] for line in seen if line.value is None}
    assert failed == {
        f"{row}, {way}": "it raises RuntimeError: no kernel image [/0]"
        for row in ROWS
        for way in ("captured", "captured bf16")
    } | {"all": "OutOfMemoryError: CUDA out of memory. Tried to allocate"}
    assert f"{STANDARD}, eager bf16, 2 side by side" in {line.case for line in seen}
    assert [line.details["attacks"] for line in seen if line.subject == "table"] == ["not measured"] * 2
    assert "error it raises RuntimeError: no kernel image [/0]" in as_text(table(seen, {}))


def test_a_form_that_differs_is_timed_and_not_counted_on(quick, monkeypatch: pytest.MonkeyPatch) -> None:
    real = lanes.try_step

    def wrong(model, optim, forward, batch, form, half):
        trial = real(model, optim, forward, batch, form, half)
        return lanes.Trial(2 * trial.loss if form.captured else trial.loss, trial.gradients, trial.seconds)

    monkeypatch.setattr(lanes, "try_step", wrong)
    seen = lines()
    captured = [line for line in seen if line.case == f"{SOFTPLUS}, captured, 1 side by side"]
    assert captured[0].value is not None
    assert (captured[0].details["loss differs"], captured[0].details["refused"]) == (pytest.approx(1), "yes")
    assert {line.details["Bregman"] for line in seen if line.subject == "table"} == {"eager", "eager bf16"}


def test_a_row_of_the_table_side_by_side() -> None:
    """The real network: its forms agree, and each network's weights move as they do alone."""
    images = TINY.training_images()
    setting = Setting(SOFTPLUS, CAPTURED, None)
    reference = lanes.Reference(SOFTPLUS, images, TINY.batch)
    forward = lanes.forward_of(reference.net, setting.form, TINY.batch)
    tried = reference.compare(setting, forward)
    assert (tried.loss_difference, tried.gradient_difference) == (0, 0)
    made = [lanes.lane(setting, images, TINY.batch, forward, seed, captured=True) for seed in (0, 1)]
    alone = lanes.lane(setting, images, TINY.batch, forward, 1, captured=False)
    for some in (made, [alone]):
        lanes.begin(some)
        lanes.run(some, some[0].batches.sizes[:2])
    first, second, lone = ([p.detach() for p in each.model.parameters()] for each in (*made, alone))
    assert all(torch.equal(a, b) for a, b in zip(second, lone, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first[:1], second[:1], strict=True))


def test_nothing_is_begun_when_the_seconds_are_used_up() -> None:
    seen = lines(seconds=0.0)
    assert {line.details["left out"] for line in seen} == {"no seconds left"}
    assert len(seen) == 1 + len(TINY.quick()) + 1  # floors, settings, attacks


def test_the_order_on_a_gpu() -> None:
    plan = Plan(torch.device("cuda"))
    assert [setting.label for setting in plan.slow()] == [
        f"{SOFTPLUS}, compiled-tf32",
        f"{SOFTPLUS}, compiled bf16",
        f"{STANDARD}, compiled-tf32",
        f"{STANDARD}, compiled bf16",
        f"{SOFTPLUS}, compiled",
        f"{STANDARD}, compiled",
    ]
    ways = ["eager", "captured", "captured-tf32", "eager bf16", "captured bf16"]
    assert [setting.variant for setting in plan.quick() if setting.row == STANDARD] == ways


def test_the_time_of_the_table() -> None:
    compiled = FORMS["cuda"][3]
    steps = {
        Setting(STANDARD, EAGER, None): 0.010,
        Setting(STANDARD, CAPTURED, None): 0.008,
        Setting(SOFTPLUS, compiled, None): 0.009,
        Setting(SOFTPLUS, EAGER, torch.bfloat16): 0.001,  # alone in its precision
    }
    (line,) = table_rows(steps, 5, 1000.0)
    assert line.details == {
        "training": pytest.approx(182 * 352 * (0.008 + 4 * 0.009) / 60),
        "attacks": pytest.approx(25 * 10_000 / 1000 / 60),
        "standard": "captured",
        "Bregman": "compiled-tf32",
    }
    assert line.value == pytest.approx(line.details["training"] + line.details["attacks"])


def test_without_a_gpu_it_says_so(monkeypatch, script, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    outcome = script("bench", "--what", "gpu", "--json", str(tmp_path / "x.json"))
    assert (outcome.code, outcome.err) == (1, "--what gpu needs a GPU; torch sees none here.")
    assert not (tmp_path / "x.json").exists()
