"""Batches handed to Lightning several at a time: the same training, to the last bit."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from bregman_exp.training.classifier import Classifier
from bregman_exp.training.epochs import Chunk, Chunks
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.sums import ADD_EVERY, Sums
from tests.commands.test_resume import checkpoint, curve, same, the_run
from tests.conftest import TINY, train_in

PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
# 25 steps an epoch, three at a time, the last alone
CHUNKED = (*TINY, "dataset.n_train=400", "trainer.max_epochs=3", "attack=none")
RATES_BY_STEP = (*CHUNKED, "optim=sgd", "optim.schedule=onecycle", "optim.lr=0.02", "optim.l1=0.1")


@pytest.mark.parametrize(
    ("steps", "size", "lengths"), [(25, 8, [3] * 8 + [1]), (7, 8, [1] * 7), (64, 4, [4] * 16)]
)
def test_chunks_hold_every_batch_once(steps: int, size: int, lengths: list[int]) -> None:
    chunks = Chunks(range(steps), size)
    found = list(chunks)
    assert [len(chunk) for chunk in found] == lengths
    assert len(chunks) == len(lengths)
    assert all(isinstance(chunk, Chunk) for chunk in found)
    assert [batch for chunk in found for batch in chunk] == list(range(steps))


@pytest.fixture(scope="module")
def in_chunks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """The folder of an uninterrupted run with these words."""

    @cache
    def trained(words: tuple[str, ...]) -> Path:
        place = tmp_path_factory.mktemp("chunks")
        train_in(place, *words)
        return the_run(place)

    return trained


@pytest.mark.parametrize("words", [CHUNKED, (*CHUNKED, "optim=adamw"), RATES_BY_STEP])
def test_chunks_change_nothing(
    command, tmp_path: Path, monkeypatch, in_chunks, words: tuple[str, ...]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bregman_exp.build.training.CHUNK", 1)
        assert command("train", *words).code == 0
    a, b = in_chunks(words), the_run(tmp_path)
    assert checkpoint(a)["global_step"] == 75
    for name in ("last", "best"):
        assert all(same(checkpoint(a, name)[part], checkpoint(b, name)[part]) for part in PARTS)
    assert curve(a) == curve(b)
    assert [line.split(",")[1] for line in curve(a)[1:]] == ["24", "49", "74"]


def test_resumed_in_chunks_is_uninterrupted_bit_for_bit(
    command, tmp_path: Path, monkeypatch, in_chunks
) -> None:
    real = Classifier.training_step

    def step(self: Classifier, batch: Chunk, batch_idx: int) -> dict:
        if (self.current_epoch, batch_idx, len(batch)) == (1, 4, 3):
            raise KeyboardInterrupt
        return real(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "training_step", step)
        assert command("train", *RATES_BY_STEP).code == 130
    assert command("train", *RATES_BY_STEP).code == 0
    a, b = the_run(tmp_path), in_chunks(RATES_BY_STEP)
    assert all(same(checkpoint(a)[part], checkpoint(b)[part]) for part in PARTS)
    assert curve(a) == curve(b)
    assert json.loads((a / "metrics.json").read_text())["train"]["steps"] == 75


def test_a_run_begun_when_lightning_counted_the_steps_goes_on_counting(in_chunks) -> None:
    content = torch.load(in_chunks(CHUNKED) / "checkpoints/last.ckpt", weights_only=True)
    loops = content["loops"]["fit_loop"]
    loops["epoch_loop.manual_optimization.optim_step_progress"]["total"] = {"ready": 0, "completed": 0}
    module = Classifier(torch.nn.Linear(1, 2), Optim())
    module.on_load_checkpoint(content)
    assert loops["epoch_loop.manual_optimization.optim_step_progress"]["total"] == {
        "ready": 75,
        "completed": 75,
    }


def test_sums_are_means_over_samples() -> None:
    torch.manual_seed(0)
    batches = [(torch.randn(n, 3), torch.randint(3, (n,))) for n in [4] * ADD_EVERY + [1, 2]]
    sums = Sums()
    for logits, y in batches:
        sums.see(cross_entropy(logits, y), logits, y)
    logits, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    loss, accuracy = sums.means()
    assert loss == pytest.approx(cross_entropy(logits, y).item(), rel=1e-6)
    assert accuracy == (logits.argmax(1) == y).double().mean().item()
    assert sums.means() == (loss, accuracy)
