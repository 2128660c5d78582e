"""trainer.max_time: what does not fit is left for later, and the same command goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bregman_exp.cli.journal import Journal
from bregman_exp.cli.time_limit import TimeLimit
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.stack import StackedClassifier
from tests.commands.test_resume import checkpoint, curve, same, the_run
from tests.conftest import TINY, Outcome

Command = Callable[..., Outcome]
WORDS = (*(word for word in TINY if "max_epochs" not in word), "trainer.max_epochs=5", "attack=none")
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
LATER = "left for later"
LEFT = 75
STEPS = 4  # an epoch


class Hand:
    """A clock that each epoch moves by ten seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand()
    monkeypatch.setattr("bregman_exp.cli.sweep.CLOCK", hand)
    for kind in (Classifier, StackedClassifier):

        def step(self, batch: tuple, batch_idx: int, real=kind.training_step) -> dict:
            hand.now += 10 / STEPS
            return real(self, batch, batch_idx)

        monkeypatch.setattr(kind, "training_step", step)
    return hand


def complete(place: Path) -> list[str]:
    """The seeds of the complete runs."""
    return sorted(path.parent.name.split("-")[1] for path in place.rglob("metrics.json"))


def test_a_run_stops_at_an_epochs_end_and_goes_on_bit_for_bit(
    command: Command, clock: Hand, tmp_path: Path
) -> None:
    words = (*WORDS, "optim=adamw")
    cut = command("train", *words, "trainer.max_time=00:00:35", "output_dir=a")
    assert cut.code == LEFT
    said = "stopped after 3 of 5 epochs: trainer.max_time=00:00:35 is used up; the same command goes on"
    assert said in cut.err
    folder = the_run(tmp_path / "a")
    assert said in (folder / "run.log").read_text()
    assert not {"metrics.json", "failure.json"} & {path.name for path in folder.iterdir()}
    assert checkpoint(folder)["epoch"] == 2
    again = command("train", *words, "trainer.max_time=00:00:35", "output_dir=a")
    assert again.code == 0, again.err
    assert "resuming" in again.err
    assert command("train", *words, "output_dir=b").code == 0
    whole = the_run(tmp_path / "b")
    for name in ("last", "best"):
        assert all(same(checkpoint(folder, name)[part], checkpoint(whole, name)[part]) for part in PARTS)
    assert curve(folder) == curve(whole)
    assert (folder / "config.yaml").read_text().replace("_dir: a", "_dir: b") == (
        whole / "config.yaml"
    ).read_text()


def test_the_first_run_begins_whatever_the_limit(command: Command, clock: Hand, tmp_path: Path) -> None:
    for epochs in (1, 2):
        assert command("train", *WORDS, "trainer.max_time=00:00:01").code == LEFT
        assert checkpoint(the_run(tmp_path))["epoch"] + 1 == epochs


def test_with_time_enough_nothing_is_left(command: Command, clock: Hand) -> None:
    outcome = command("train", *WORDS, "trainer.max_time=00:00:50")
    assert outcome.code == 0, outcome.err
    assert LATER not in outcome.err


def test_a_sweep_begins_no_job_that_cannot_end(command: Command, clock: Hand, tmp_path: Path) -> None:
    sweep = ("train", "-m", *WORDS, "seed=0,1,2", "trainer.max_time=00:02:00")
    first = command(*sweep)
    assert first.code == LEFT
    assert complete(tmp_path) == ["0", "1"]
    assert first.err.count(f"{LATER}: it would not end in the 20 s left of trainer.max_time=00:02:00") == 1
    assert "sweep: 2 of 3 jobs done, 1 left for later" in first.err
    assert not list(tmp_path.rglob("seed-2-*"))
    assert not list(tmp_path.rglob("progress-*"))
    second = command(*sweep)
    assert second.code == 0, second.err
    assert "sweep: 3 of 3 jobs done, 2 of them skipped as complete" in second.err
    assert complete(tmp_path) == ["0", "1", "2"]


def test_a_job_that_meets_the_limit_stops_and_no_other_begins(
    command: Command, clock: Hand, tmp_path: Path
) -> None:
    outcome = command("train", "-m", *WORDS, "seed=0,1,2", "trainer.max_time=00:00:20")
    assert outcome.code == LEFT
    assert "stopped after 2 of 5 epochs" in outcome.err
    assert outcome.err.count(f"{LATER}: trainer.max_time=00:00:20 is used up") == 2
    assert "sweep: 0 of 3 jobs done, 3 left for later" in outcome.err


def test_a_failed_job_counts_more_than_what_is_left(command: Command, clock: Hand) -> None:
    sizes = "trainer.batch_size=0,16"
    assert command("train", "-m", *WORDS, sizes, "seed=0", "trainer.max_time=00:00:20").code == 1


def test_seeds_in_one_process_share_the_limit(command: Command, clock: Hand, tmp_path: Path) -> None:
    words = (*WORDS, "logger=tensorboard", "seeds=0..2", "trainer.max_time=00:02:00")  # one after another
    outcome = command("train", *words)
    assert outcome.code == LEFT
    assert complete(tmp_path) == ["0", "1"]
    assert outcome.err.count(LATER) == 1
    assert command("train", *words).code == 0
    assert complete(tmp_path) == ["0", "1", "2"]


def test_a_stack_of_seeds_stops_and_goes_on_bit_for_bit(
    command: Command, clock: Hand, tmp_path: Path
) -> None:
    words = (*WORDS, "seeds=0..1", "trainer.max_time=00:00:35")
    cut = command("train", *words, "output_dir=a")
    assert cut.code == LEFT
    assert "stopped after 3 of 5 epochs: trainer.max_time=00:00:35 is used up" in cut.err
    assert not list(tmp_path.rglob("metrics.json")) + list(tmp_path.rglob("failure.json"))
    again = command("train", *words, "output_dir=a")
    assert again.code == 0, again.err
    assert "resuming seeds 0..1 together" in again.err
    assert command("train", *WORDS, "seeds=0..1", "output_dir=b").code == 0
    for one in (tmp_path / "a").rglob("last.ckpt"):
        folder = one.parents[1]
        (other,) = (tmp_path / "b").rglob(f"{folder.name}/checkpoints")
        assert same(checkpoint(folder)["state_dict"], checkpoint(other.parent)["state_dict"])
        assert curve(folder) == curve(other.parent)
    assert complete(tmp_path / "a") == ["0", "1"]
    assert not list(tmp_path.rglob(".stack-*"))


def test_a_second_stack_is_left_whole(command: Command, clock: Hand, tmp_path: Path) -> None:
    words = (*WORDS, "act=atan,tanh", "seeds=0..1", "trainer.max_time=00:01:00")
    outcome = command("train", "-m", *words)
    assert outcome.code == LEFT
    assert "sweep: 1 of 2 jobs done, 1 left for later" in outcome.err
    assert not list(tmp_path.rglob("*tanh*"))


@pytest.mark.parametrize("word", ["trainer.max_time=90", "trainer.max_time=8:30", "trainer.max_time=soon"])
def test_what_is_no_time_is_told(command: Command, word: str) -> None:
    outcome = command("train", *WORDS, word)
    assert outcome.code == 1
    assert f"Error: {word} is not a duration; give hours:minutes:seconds" in outcome.err


# ---- the judgement alone ----------------------------------------------------------------------------------


def limit(text: str, journal: Journal, clock: Hand) -> TimeLimit:
    return TimeLimit(text, clock.now, clock, journal)


def test_it_is_judged_by_runs_of_the_same_kind_else_by_all(tmp_path: Path) -> None:
    clock, path = Hand(), tmp_path / "journal"
    one = limit("00:01:40", Journal(path), clock)
    one.add_run("slow", 20.0, 0.0)
    one.add_run("fast", 2.0, 30.0)
    assert one.allows("slow", 4)
    assert not one.allows("slow", 6)
    assert one.allows("fast", 35)
    assert not one.allows("fast", 36)
    assert one.allows("new", 7)  # 11 s an epoch, 15 s besides
    assert not one.allows("new", 8)


def test_nothing_begins_after_the_limit_but_the_first() -> None:
    clock, journal = Hand(), Journal()
    one = limit("00:00:10", journal, clock)
    clock.now += 11
    assert one.allows("any", 5)
    journal.add(outcome="failed")
    assert not one.allows("any", 0)
    assert one.is_over
