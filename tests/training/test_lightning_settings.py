"""Lightning's settings of a training: each does what it says, or says that it cannot."""

import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp import build
from bregman_exp.config import ConfigError, Trainer
from bregman_exp.runs import RunFolder
from bregman_exp.training.checkpoint import read_checkpoint, weights_of
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.ema import Ema
from bregman_exp.training.epochs import Accumulated, FirstBatches
from tests.conftest import TINY, Outcome, interrupt_in_epoch

Command = Callable[..., Outcome]
STEPS = 4  # an epoch of TINY
PLAIN = ("attack=none",)
TOGETHER = "seeds 0..1 together"
ALONE = (
    "trainer.limit_train_batches=2",
    "trainer.gradient_clip_val=0.1",
    "trainer.accumulate_grad_batches=2",
    "trainer.profiler=simple",
    "trainer.ema=0.9",
    "logger.gradients=true",
)


def trained(command: Command, tmp_path: Path, *words: str, name: str = "outputs") -> Path:
    """The folder of the only run in the output folder of this name."""
    outcome = command("train", *TINY, *PLAIN, *words, f"output_dir={name}")
    assert outcome.code == 0, outcome.err
    (metrics,) = (tmp_path / name).rglob("metrics.json")
    return metrics.parent


def last_weights(folder: Path, which: str = "last") -> dict[str, Tensor]:
    return weights_of(folder / "checkpoints" / f"{which}.ckpt")


def flat(weights: dict[str, Tensor]) -> Tensor:
    return torch.cat([weight.flatten() for weight in weights.values()])


def steps_of(folder: Path) -> int:
    return json.loads((folder / "metrics.json").read_text())["train"]["steps"]


# ---- fast_dev_run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [(), ("seeds=0..1", "logger=tensorboard", "trainer.ema=0.9")])
def test_a_fast_run_takes_a_batch_of_each_and_leaves_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: tuple[str, ...]
) -> None:
    seen: list[str] = []
    for stage in ("training_step", "validation_step"):
        monkeypatch.setattr(Classifier, stage, _counted(getattr(Classifier, stage), stage, seen))
    (place := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    words = ("trainer.fast_dev_run=true", "trainer.batch_size=8", "dataset.n_val=1000", *seeds)
    outcome = command("train", *TINY, *words)
    assert outcome.code == 0, outcome.err
    assert seen == ["training_step", "validation_step"] * (2 if seeds else 1)
    assert "on 10 test samples: clean, pgd-linf-0.01" in outcome.err
    assert "nothing of this run is kept" in outcome.err
    assert [path for path in tmp_path.iterdir() if path != place] == []
    assert list(place.iterdir()) == []


def _counted(real: Callable[..., Any], stage: str, seen: list[str]) -> Callable[..., Any]:
    def counting(*arguments: Any) -> Any:
        seen.append(stage)
        return real(*arguments)

    return counting


# ---- limit_train_batches -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "steps"), [("3", 3), ("0.5", 2), ("0.01", 1), ("99", STEPS), ("1.0", STEPS)]
)
def test_the_first_batches_of_an_epoch(command: Command, tmp_path: Path, limit: str, steps: int) -> None:
    folder = trained(command, tmp_path, f"trainer.limit_train_batches={limit}")
    assert steps_of(folder) == 2 * steps
    train = json.loads((folder / "metrics.json").read_text())["train"]
    assert train["samples_per_second"] * train["seconds"] == pytest.approx(2 * 16 * steps)


def test_they_are_those_of_the_whole_epoch() -> None:
    limited = FirstBatches(range(7), 3)
    assert (len(limited), list(limited)) == (3, [0, 1, 2])
    assert len(FirstBatches(range(2), 3)) == 2


# ---- gradient_clip_val -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clip", "factor"), [("0.001", 1.0), ("1e6", None)])
def test_a_step_is_as_long_as_the_clipped_gradient(
    command: Command, tmp_path: Path, clip: str, factor: float | None
) -> None:
    """One step of SGD without momentum: ‖θ₁ − θ₀‖ = lr · min(clip, ‖g‖)."""
    words = ("optim=sgd_plain", "optim.lr=0.5", "trainer.max_epochs=1", "trainer.limit_train_batches=1")
    folder = trained(command, tmp_path, *words, f"trainer.gradient_clip_val={clip}")
    run = build.stored_run(RunFolder(folder))
    start = build.job(run).new_network().state_dict()
    length = float((flat(last_weights(folder)) - flat(start)).norm())
    if factor is not None:
        assert length == pytest.approx(0.5 * float(clip), rel=1e-3)
    else:
        unclipped = trained(command, tmp_path, *words, name="unclipped")
        assert length > 0.5 * 0.001 * 2
        assert torch.equal(flat(last_weights(unclipped)), flat(last_weights(folder)))


# ---- accumulate_grad_batches -------------------------------------------------------------------------------


@pytest.mark.parametrize("n_train", [64, 60])  # 60: the last step of an epoch has 8 + 4 samples
def test_accumulated_batches_equal_a_larger_one(command: Command, tmp_path: Path, n_train: int) -> None:
    words = (f"dataset.n_train={n_train}", "optim.lr=0.1")
    small = trained(
        command, tmp_path, *words, "trainer.batch_size=8", "trainer.accumulate_grad_batches=2", name="a"
    )
    large = trained(command, tmp_path, *words, "trainer.batch_size=16", name="b")
    assert steps_of(small) == steps_of(large) == 2 * STEPS
    torch.testing.assert_close(flat(last_weights(small)), flat(last_weights(large)), rtol=1e-4, atol=1e-5)
    only = trained(command, tmp_path, *words, "trainer.batch_size=8", name="c")
    assert not torch.allclose(flat(last_weights(only)), flat(last_weights(large)), rtol=1e-4, atol=1e-5)


def test_each_batch_is_in_one_group() -> None:
    groups = Accumulated(range(7), 3)
    assert (len(groups), list(groups)) == (3, [[0, 1, 2], [3, 4, 5], [6]])


# ---- all of them, interrupted ------------------------------------------------------------------------------


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        *TINY,
        *PLAIN,
        "trainer.max_epochs=4",
        "optim.momentum=0.9",
        "eval.weights=ema",
        *ALONE[:3],
        ALONE[4],
    )
    words = (*words, "logger.gradients=true")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(2, patch)
        assert command("train", *words, "output_dir=cut").code == 130
    assert command("train", *words, "output_dir=cut").code == 0
    assert command("train", *words, "output_dir=whole").code == 0
    cut, whole = (next((tmp_path / name).rglob("metrics.json")).parent for name in ("cut", "whole"))
    for which in ("last", "ema"):
        assert torch.equal(flat(last_weights(cut, which)), flat(last_weights(whole, which)))
    assert (cut / "gradients.csv").read_text() == (whole / "gradients.csv").read_text()


# ---- profiler ----------------------------------------------------------------------------------------------


def test_the_simple_profiler_writes_into_the_run(command: Command, tmp_path: Path) -> None:
    folder = trained(command, tmp_path, "trainer.profiler=simple")
    (report,) = folder.glob("*profile*.txt")
    assert "run_training_epoch" in report.read_text()


@pytest.mark.parametrize("batches", [1, 4])
def test_the_profiler_of_torch_writes_into_the_run(command: Command, tmp_path: Path, batches: int) -> None:
    short = ("trainer.max_epochs=1", f"trainer.limit_train_batches={batches}")
    folder = trained(command, tmp_path, "trainer.profiler=pytorch", *short)
    assert "aten::" in (folder / "profile.txt").read_text()
    assert json.loads((folder / "profile.json").read_text())["traceEvents"]


# ---- logger.gradients --------------------------------------------------------------------------------------


def test_gradient_norms_by_layer(command: Command, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = trained(command, tmp_path, "logger=tensorboard", "logger.gradients=true")
    lines = list(csv.DictReader((folder / "gradients.csv").read_text().splitlines()))
    assert [line["epoch"] for line in lines] == ["0", "1"]
    layers = set(lines[0]) - {"epoch"}
    assert "output" in layers
    assert len(layers) > 3
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    for layer in layers:
        values = [event.value for event in events.Scalars(f"gradient/{layer}")]
        assert values == pytest.approx([float(line[layer]) for line in lines], rel=1e-5)
    assert all(float(line["output"]) > 0 for line in lines)


def test_no_gradients_unless_asked(command: Command, tmp_path: Path) -> None:
    assert not (trained(command, tmp_path) / "gradients.csv").exists()


# ---- ema ---------------------------------------------------------------------------------------------------


def test_the_average_by_its_formula() -> None:
    net = nn.BatchNorm1d(1)
    ema, average = Ema(net, 0.5), 0.0
    for t, value in enumerate((1.0, 3.0, -2.0, 8.0, 5.0, 5.5)):
        with torch.no_grad():
            net.weight.fill_(value)
            net.running_mean.fill_(value)  # pyright: ignore
            net.num_batches_tracked.fill_(t)  # pyright: ignore
        ema.update()
        keep = min(0.5, (1 + t) / (10 + t))
        average = value if t == 0 else keep * average + (1 - keep) * value
    state = ema.content()["average"]
    assert float(state["weight"]) == pytest.approx(average)
    assert float(state["running_mean"]) == pytest.approx(average)
    assert int(state["num_batches_tracked"]) == 5


def test_the_average_is_evaluated(command: Command, tmp_path: Path) -> None:
    folder = trained(
        command, tmp_path, "trainer.ema=0.9", "eval.weights=ema", "optim.lr=0.5", "trainer.max_epochs=5"
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["weights"] == "ema"
    assert not torch.equal(flat(last_weights(folder)), flat(last_weights(folder, "ema")))
    average = read_checkpoint(folder / "checkpoints" / "last.ckpt")["ema"]["average"]
    assert torch.equal(flat(last_weights(folder, "ema")), flat(average))
    test = build.dataset(build.stored_run(RunFolder(folder))).test
    loaded = bx.load(folder / "checkpoints" / "ema.ckpt")
    right = int((loaded.net(test.x).argmax(1) == test.y).sum())
    assert metrics["clean"]["correct"] == right


def test_evaluate_takes_the_average_of_a_run_that_has_one(command: Command, tmp_path: Path) -> None:
    folder = trained(command, tmp_path, "trainer.ema=0.9", name="a")
    outcome = command("evaluate", f"run={folder}", "weights=ema", "attack=none")
    assert outcome.code == 0, outcome.err
    (metrics,) = (folder / "evaluations").rglob("metrics.json")
    assert json.loads(metrics.read_text())["weights"] == "ema"
    without = trained(command, tmp_path, name="b")
    outcome = command("evaluate", f"run={without}", "weights=ema", "attack=none")
    assert outcome.code == 1
    assert "Traceback" not in outcome.err


def test_the_average_needs_a_decay(command: Command) -> None:
    outcome = command("train", *TINY, "eval.weights=ema")
    assert outcome.code == 1
    assert "weights=ema: the run keeps no average of its weights; give trainer.ema=0.999." in outcome.err


# ---- the hash, the fast forms, wrong values ----------------------------------------------------------------


def test_what_changes_the_weights_counts_in_the_hash(command: Command) -> None:
    from tests.config.test_config import hash_of

    base = hash_of("model=bregman_mlp")
    other = [*ALONE[:3], ALONE[4]]
    hashes = {hash_of("model=bregman_mlp", word) for word in other}
    assert len(hashes | {base}) == len(other) + 1
    same = ("trainer.limit_train_batches=1.0", "trainer.accumulate_grad_batches=1", ALONE[3], ALONE[5])
    assert {hash_of("model=bregman_mlp", word) for word in same} == {base}


@pytest.mark.parametrize("word", ALONE)
def test_seeds_train_one_after_another(command: Command, trained_alone: list[int], word: str) -> None:
    assert TOGETHER not in command("train", *TINY, *PLAIN, word, "seeds=0..1").err
    assert trained_alone == [0, 1]


def test_the_sentence(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from bregman_exp.cli.command import print_once

    print_once.cache_clear()
    outcome = command("train", *TINY, *PLAIN, *ALONE[:2], "seeds=0..1")
    said = "with trainer.limit_train_batches and trainer.gradient_clip_val networks train one after another"
    assert outcome.err.count(said) == 1
    assert TOGETHER in command("train", *TINY, *PLAIN, "seeds=0..1").err


@pytest.mark.parametrize("word", ALONE)
def test_a_captured_form_is_refused(command: Command, image_tree: Path, word: str) -> None:
    words = ("model=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4")
    outcome = command("train", *words, "trainer.max_epochs=1", "trainer.fast=captured", word)
    assert outcome.code == 1
    key = word.partition("=")[0]
    assert f"trainer.fast=captured: with {key} it is not possible; use null." in outcome.err


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("limit_train_batches", 0, "a number of batches ≥ 1"),
        ("limit_train_batches", 1.5, "a fraction such as 0.25"),
        ("limit_train_batches", True, "null for all"),
        ("limit_train_batches", "few", "null for all"),
        ("gradient_clip_val", 0.0, "it must be > 0"),
        ("gradient_clip_val", float("nan"), "it must be > 0"),
        ("accumulate_grad_batches", 0, "it must be ≥ 1"),
        ("profiler", "advanced", "use simple or pytorch"),
        ("ema", 1.0, "between 0 and 1"),
        ("ema", 0.0, "between 0 and 1"),
    ],
)
def test_wrong_values(key: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=f"trainer.{key}={value}") as refused:
        Trainer(accelerator="cpu", max_epochs=1, batch_size=1, **{key: value})
    assert said in str(refused.value)


def test_clipping_in_float16_is_refused() -> None:
    with pytest.raises(ConfigError, match="use bf16-mixed"):
        Trainer("gpu", precision="16-mixed", max_epochs=1, batch_size=1, gradient_clip_val=1.0)
