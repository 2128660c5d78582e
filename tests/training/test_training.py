"""The LightningModule, its optimizers, schedules and callbacks, through the command and alone."""

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from bregman_exp.training.checkpoint import CheckpointError, load_weights, read_checkpoint
from bregman_exp.training.descent import shrink
from bregman_exp.training.non_finite import CHECK_EVERY, LossWatch, NonFiniteLossError
from bregman_exp.training.optimizer import Optim
from tests.conftest import TINY


def lines_of(curves: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(curves.read_text().splitlines()))


def rates(optim: Optim, epochs: int, steps: int) -> list[float]:
    """The learning rate of every step."""
    optimizer = optim.build_optimizer([nn.Parameter(torch.zeros(1))])
    schedule = optim.build_schedule(optimizer, epochs, steps)
    seen = []
    for _ in range(epochs * steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return seen


def test_multistep_counts_epochs() -> None:
    assert rates(Optim(lr=1.0, milestones=[2, 3]), 4, 3) == pytest.approx([1.0] * 6 + [0.1] * 3 + [0.01] * 3)


def test_constant_cosine_and_onecycle() -> None:
    assert rates(Optim(lr=0.5, schedule="constant"), 2, 2) == [0.5] * 4
    cosine = rates(Optim(lr=1.0, schedule="cosine"), 2, 2)
    assert cosine == pytest.approx([1.0, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])
    onecycle = rates(Optim(lr=1.0, schedule="onecycle"), 10, 10)
    assert max(onecycle) == pytest.approx(1.0, rel=1e-2)
    assert onecycle[0] < 0.1 > onecycle[-1]


def test_onecycle_leaves_the_momentum_alone() -> None:
    optim = Optim(momentum=0.3, schedule="onecycle")
    optimizer = optim.build_optimizer([nn.Parameter(torch.zeros(1))])
    optim.build_schedule(optimizer, 2, 5)
    assert optimizer.param_groups[0]["momentum"] == 0.3


@pytest.mark.parametrize(
    ("optim", "kind"),
    [
        (Optim(momentum=0.9, nesterov=True), torch.optim.SGD),
        (Optim(optimizer="adam"), torch.optim.Adam),
        (Optim(optimizer="adamw"), torch.optim.AdamW),
    ],
)
def test_optimizers(optim: Optim, kind: type) -> None:
    built = optim.build_optimizer([nn.Parameter(torch.zeros(1))])
    assert type(built) is kind
    assert built.defaults["weight_decay"] == optim.weight_decay
    if kind is torch.optim.SGD:
        assert built.defaults["momentum"] == 0.9
        assert built.defaults["nesterov"]


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValueError, match=r"needs optim\.momentum > 0"):
        Optim(nesterov=True, momentum=0.0)


def test_the_rate_falls_at_the_milestones_of_a_real_run(command, tmp_path: Path) -> None:
    words = ("optim=sgd", "optim.lr=0.01", "optim.milestones=[1,3]", "trainer.max_epochs=4", "attack=none")
    assert command("train", *TINY, *words).code == 0
    (curves,) = tmp_path.rglob("metrics.csv")
    rows = lines_of(curves)
    assert [row["lr"] for row in rows] == ["0.01", "0.001", "0.001", "0.0001"]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    assert all(0 <= float(row["val/accuracy"]) <= 1 and float(row["train/loss"]) > 0 for row in rows)


def test_the_curve_agrees_with_the_weights(command, tmp_path: Path) -> None:
    """The validation loss of the last line is that of the last weights, computed plainly."""
    from bregman_exp import build
    from bregman_exp.runs import RunFolder

    assert command("train", *TINY, "attack=none").code == 0
    (curves,) = tmp_path.rglob("metrics.csv")
    folder = RunFolder(curves.parent)
    run = build.stored_run(folder)
    data = build.dataset(run)
    net = build.trained_model(run, data, folder)
    loss = nn.functional.cross_entropy(net(data.val.x), data.val.y)
    last = lines_of(curves)[-1]
    assert float(last["val/loss"]) == pytest.approx(loss.item(), rel=1e-5)


def test_early_stopping_keeps_the_best_weights(command, tmp_path: Path) -> None:
    words = ("trainer.patience=2", "trainer.max_epochs=50", "optim.lr=1e-12", "attack=none")
    assert command("train", *TINY, *words).code == 0
    (metrics,) = tmp_path.rglob("metrics.json")
    record = json.loads(metrics.read_text())
    assert record["train"]["epochs"] == 3
    assert record["weights"] == "best"


def test_early_stopping_with_the_last_weights_if_so_told(command, tmp_path: Path) -> None:
    words = ("trainer.patience=2", "eval.weights=last", "attack=none")
    assert command("train", *TINY, *words).code == 0
    (metrics,) = tmp_path.rglob("metrics.json")
    assert json.loads(metrics.read_text())["weights"] == "last"


@pytest.mark.parametrize("precision", ["bf16-mixed"])
def test_mixed_precision_trains_in_float32_weights(command, tmp_path: Path, precision: str) -> None:
    assert command("train", *TINY, f"trainer.precision={precision}", "attack=none").code == 0
    (last,) = tmp_path.rglob("last.ckpt")
    record = json.loads((last.parents[1] / "metrics.json").read_text())
    ways = {"precision": precision, "form": "eager", "compiled": False, "fused": False, "tf32": False}
    assert record["train"].items() >= ways.items()
    plainly = {"form": "eager", "precision": "32-true", "fused": False, "folded": False, "tf32": False}
    assert record["evaluation"] == {**plainly, "batch_size": 250}
    state = torch.load(last, weights_only=True)["state_dict"]
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in state.values())


def test_the_proximal_step_makes_zeros(command, tmp_path: Path) -> None:
    assert (
        command("train", *TINY, "optim.l1=5", "optim.lr=0.05", "trainer.max_epochs=8", "attack=none").code
        == 0
    )
    (last,) = tmp_path.rglob("last.ckpt")
    state = torch.load(last, weights_only=True)["state_dict"]
    hidden = torch.cat([v.flatten() for k, v in state.items() if "layers" in k and "weight" in k])
    assert (hidden == 0).float().mean() > 0.5
    assert (state["model.output.weight"] != 0).all()


def test_the_proximal_step_is_soft_thresholding() -> None:
    weight = nn.Parameter(torch.tensor([[1.0, -0.15, -1.0]]))
    shrink([weight], 0.2)
    assert weight.tolist() == [pytest.approx([0.8, 0.0, -0.8])]


def test_loss_watch_raises_for_the_first_place() -> None:
    watch = LossWatch()
    for step in range(CHECK_EVERY - 1):
        watch.see(torch.tensor(float("nan") if step in (7, 9) else 1.0), 3, step)
    with pytest.raises(NonFiniteLossError, match="epoch 3, step 7") as caught:
        watch.see(torch.tensor(1.0), 3, CHECK_EVERY - 1)
    assert (caught.value.epoch, caught.value.step) == (3, 7)
    watch.check()  # no loss since the last check


@pytest.mark.slow
def test_two_processes_train_one_network(command, tmp_path: Path) -> None:
    words = ("trainer.devices=2", "trainer.strategy=ddp_spawn", "attack=none")
    outcome = command("train", *TINY, *words)
    assert outcome.code == 0, outcome.err
    (metrics,) = tmp_path.rglob("metrics.json")
    record = json.loads(metrics.read_text())
    assert record["train"]["steps"] == 8  # the whole batch of a step is trainer.batch_size
    rows = lines_of(metrics.parent / "metrics.csv")
    assert len(rows) == 2


@pytest.mark.slow
def test_a_loss_not_finite_in_a_spawned_process(command, tmp_path: Path) -> None:
    words = (
        "trainer.devices=2",
        "trainer.strategy=ddp_spawn",
        "optim.lr=1e30",
        "act=identity",
        "attack=none",
    )
    outcome = command("train", *TINY, *words)
    assert outcome.code == 1
    assert "Traceback" not in outcome.err.split("Error: ")[-1]
    (failure,) = tmp_path.rglob("failure.json")
    failure_record = json.loads(failure.read_text())
    assert failure_record["error"].startswith("NonFiniteLossError")
    assert failure_record["epoch"] == 0


def test_tensorboard(command, tmp_path: Path) -> None:
    assert command("train", *TINY, "logger=tensorboard", "attack=none").code == 0
    assert [p for p in tmp_path.rglob("*tfevents*") if p.stat().st_size > 100]


def test_wandb_is_offline_without_a_login_and_each_run_has_its_own(command, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # no login there
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    outcome = command("train", *TINY, "seeds=0..1", "logger=wandb", "attack=none")
    assert outcome.code == 0, outcome.err
    folders = [p.parent for p in tmp_path.rglob("metrics.json")]
    assert [len(list(folder.rglob("*.wandb"))) for folder in folders] == [1, 1]


def test_checkpoints_of_others(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "none.ckpt")
    torch.save([1], tmp_path / "list.ckpt")
    with pytest.raises(CheckpointError, match="no state_dict"):
        read_checkpoint(tmp_path / "list.ckpt")
    torch.save({"state_dict": {"model.weight": torch.zeros(2, 2)}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="of another model"):
        load_weights(tmp_path / "other.ckpt", nn.Linear(3, 3))
