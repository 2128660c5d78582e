"""seeds=0..k: MLPs are trained in one stack, and each run is the one that seed=k gives, to rounding."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bregman_exp.runs import RunFolder
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.stack import StackedClassifier
from tests.commands.conftest import killed
from tests.conftest import TINY

WORDS = (*(word for word in TINY if "max_epochs" not in word), "trainer.max_epochs=3", "attack=none")
TOGETHER = "together: "


def folders(place: Path) -> dict[str, Path]:
    """The run folders below, by their names seed-<k>-<hash>."""
    return {path.parent.name: path.parent for path in sorted(place.rglob("config.yaml"))}


def checkpoint(folder: Path, name: str = "last") -> dict:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def broken(*_: object) -> None:
    raise RuntimeError("out of memory")


def rows(folder: Path) -> np.ndarray:
    """metrics.csv less its heading and its last column, the seconds."""
    return np.loadtxt(folder / "metrics.csv", delimiter=",", skiprows=1, ndmin=2)[:, :-1]


def assert_same_weights(a: Path, b: Path, **tolerance: float) -> None:
    for name in ("last", "best"):
        one, other = checkpoint(a, name), checkpoint(b, name)
        assert (one["epoch"], one["global_step"]) == (other["epoch"], other["global_step"])
        assert one["state_dict"].keys() == other["state_dict"].keys()
        for key, value in one["state_dict"].items():
            torch.testing.assert_close(value, other["state_dict"][key], **tolerance)


def comparable(folder: Path) -> dict:
    """metrics.json less what is of the clock or of the place, and how many were trained together."""
    record = json.loads((folder / "metrics.json").read_text())
    del record["files"], record["sha256"]
    for key in ("seconds", "samples_per_second", "seeds_together", "forms"):
        del record["train"][key]
    for check in record["checks"]:
        del check["value"]  # some are differences of rounding
    return record


@pytest.mark.parametrize(
    "words",
    [
        ("model=bregman_mlp", "optim=sgd", "optim.lr=0.01", "optim.milestones=[1,2]", "dataset.n_train=300"),
        ("model=euclidean_mlp", "optim=adamw", "act=softplus", "act.beta=10", "model.widths=[4,3,5]"),
        ("model=bregman_mlp", "optim=adam", "act=softplus", "act.beta=10", "model.widths=[4,3,5]"),
        ("model=bregman_mlp", "optim=sgd", "optim.lr=0.01", "optim.l1=0.1", "act=sigmoid"),
        ("model=mlp", "optim=sgd", "optim.schedule=onecycle", "act=relu", "model.weight_norm=true"),
        ("model=bregman_mlp", "optim=sgd", "optim.schedule=cosine", "optim.nesterov=true", "optim.lr=0.01"),
    ],
    ids=" ".join,
)
def test_each_run_is_the_one_of_its_seed_alone(command, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert TOGETHER in command("train", *WORDS, *words, "seeds=0..1", "output_dir=many").err
    many = folders(tmp_path / "many")
    assert len(many) == 2
    assert TOGETHER not in command("train", *WORDS, *words, "seed=1", "output_dir=one").err
    for name, one in folders(tmp_path / "one").items():
        assert_same_weights(many[name], one, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(rows(many[name]), rows(one), rtol=1e-4, atol=1e-6)
        assert comparable(many[name]) == comparable(one)
        for line in ("config.yaml", "metrics.csv"):
            heads = [(folder / line).read_text().splitlines()[0] for folder in (many[name], one)]
            assert heads[0] == heads[1]
        files = [{p.relative_to(folder) for p in folder.rglob("*")} for folder in (many[name], one)]
        assert files[0] == files[1]
        arrays = [np.load(folder / "predictions.npz") for folder in (many[name], one)]
        assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[1])
        assert "train" in (many[name] / "run.log").read_text()
    assert not list(tmp_path.rglob(".stack-*"))
    train = json.loads((many[name] / "metrics.json").read_text())["train"]
    assert train["seeds_together"] == 2
    assert json.loads((one / "metrics.json").read_text())["train"]["seeds_together"] == 1


def test_the_last_batch_may_be_smaller_and_half_precision_is_used(command, tmp_path: Path) -> None:
    words = (*WORDS, "dataset.n_train=70", "trainer.precision=bf16-mixed")
    assert TOGETHER in command("train", *words, "seeds=0..1", "output_dir=many").err
    assert command("train", *words, "seed=1", "output_dir=one").code == 0
    ((name, one),) = folders(tmp_path / "one").items()
    assert_same_weights(folders(tmp_path / "many")[name], one, rtol=0.02, atol=0.01)
    assert checkpoint(one)["global_step"] == 3 * 5


def test_images_with_augmentation(command, image_tree: Path, tmp_path: Path) -> None:
    words = ("model=bregman_mlp", "dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4")
    words = (*words, "trainer.batch_size=5", "trainer.max_epochs=2", "attack=none", "optim.lr=0.001")
    assert TOGETHER in command("train", *words, "seeds=0..1", "output_dir=many").err
    assert command("train", *words, "seed=1", "output_dir=one").code == 0
    ((name, one),) = folders(tmp_path / "one").items()
    assert_same_weights(folders(tmp_path / "many")[name], one, rtol=1e-4, atol=1e-5)


def test_the_first_of_equal_epochs_is_the_best(command, tmp_path: Path) -> None:
    assert command("train", *WORDS, "optim.lr=1e-12", "seeds=0..1").code == 0
    for folder in folders(tmp_path).values():
        assert checkpoint(folder, "best")["epoch"] == 0
        assert checkpoint(folder, "last")["epoch"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ("trainer.patience=5",),
        ("logger=tensorboard",),
        ("model.widths=[1500,1500]", "trainer.max_epochs=1"),
    ],
    ids=" ".join,
)
def test_what_is_no_stack_is_trained_one_after_another(command, trained_alone: list[int], words) -> None:
    assert TOGETHER not in command("train", *WORDS, *words, "seeds=0..1").err
    assert trained_alone == [0, 1]


def test_on_several_devices_seeds_are_trained_one_after_another(command, monkeypatch) -> None:
    monkeypatch.setattr("bregman_exp.build.training.trainer", broken)
    outcome = command("train", *WORDS, "trainer.devices=2", "trainer.strategy=ddp_spawn", "seeds=0..1")
    assert outcome.err.count("Error: RuntimeError") == 2
    assert TOGETHER not in outcome.err


def test_resnets_are_trained_one_after_another(command, image_tree: Path, trained_alone: list[int]) -> None:
    words = ("model=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4")
    assert TOGETHER not in command("train", *words, "attack=none", "seeds=0..1").err
    assert trained_alone == [0, 1]


# ---- interrupted ------------------------------------------------------------------------------------------


def interrupt_in_epoch(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = StackedClassifier.training_step

    def step(self: StackedClassifier, batch: tuple, batch_idx: int) -> dict:
        if self.current_epoch == epoch and batch_idx == 2:
            raise KeyboardInterrupt
        return real(self, batch, batch_idx)

    monkeypatch.setattr(StackedClassifier, "training_step", step)


def assert_same_bits(a: Path, b: Path) -> None:
    assert folders(a).keys() == folders(b).keys()
    for name, folder in folders(a).items():
        assert_same_weights(folder, folders(b)[name], rtol=0, atol=0)
        assert np.array_equal(rows(folder), rows(folders(b)[name]))


@pytest.mark.parametrize("optim", ["adamw", "sgd"])
def test_resumed_is_uninterrupted_bit_for_bit(command, tmp_path: Path, monkeypatch, optim: str) -> None:
    words = (*WORDS, f"optim={optim}", "optim.lr=0.01", "trainer.max_epochs=5", "seeds=0..1")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(3, patch)
        outcome = command("train", *words, "output_dir=a")
    assert outcome.code == 130
    assert "Interrupted; the same command goes on from the last finished epoch." in outcome.err
    assert not list(tmp_path.rglob("metrics.json"))
    (stack,) = tmp_path.rglob(".stack-*/checkpoints/last.ckpt")
    assert torch.load(stack, weights_only=True)["epoch"] == 2
    assert "resuming seeds 0..1" in command("train", *words, "output_dir=a").err
    assert command("train", *words, "output_dir=b").code == 0
    assert_same_bits(tmp_path / "a", tmp_path / "b")
    assert not list(tmp_path.rglob(".stack-*"))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_and_started_again(command, tmp_path: Path) -> None:
    words = ("train", *WORDS, "seeds=0..1")
    killed(StackedClassifier, "training_step", 10, lambda: command(*words, "output_dir=a"))  # in epoch 2
    (stack,) = tmp_path.rglob(".stack-*/checkpoints/last.ckpt")
    assert torch.load(stack, weights_only=True)["epoch"] == 1
    assert not list(tmp_path.rglob("metrics.json"))
    assert "resuming seeds 0..1" in command(*words, "output_dir=a").err
    assert command(*words, "output_dir=b").code == 0
    assert_same_bits(tmp_path / "a", tmp_path / "b")


def test_one_trained_alone_in_between_leaves_the_stack(command, tmp_path: Path, monkeypatch) -> None:
    words = (*WORDS, "seeds=0..2")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        command("train", *words, "output_dir=a")
    assert command("train", *WORDS, "seed=1", "output_dir=a").code == 0
    alone = next(path for name, path in folders(tmp_path / "a").items() if name.startswith("seed-1"))
    before = {
        path: path.read_bytes()
        for path in alone.rglob("*")
        if path.name not in (".lock", "run.log") and path.is_file()
    }
    outcome = command("train", *words, "output_dir=a")
    assert "resuming 2 seeds together" in outcome.err
    assert "skipped" in outcome.err
    assert {path: path.read_bytes() for path in before} == before
    assert command("train", *words, "output_dir=b").code == 0
    for name, folder in folders(tmp_path / "b").items():
        assert_same_weights(folders(tmp_path / "a")[name], folder, rtol=1e-4, atol=1e-5)


def test_killed_while_the_checkpoints_are_written(command, tmp_path: Path, monkeypatch) -> None:
    """Two of three have theirs: the third's come from the stack, without training."""
    real = StackedClassifier.checkpoints

    def until_the_third(self: StackedClassifier, row: int) -> dict:
        if row == 2:
            raise KeyboardInterrupt
        return real(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(StackedClassifier, "checkpoints", until_the_third)
        assert command("train", *WORDS, "seeds=0..2", "output_dir=a").code == 130
    with monkeypatch.context() as patch:
        patch.setattr(StackedClassifier, "training_step", broken)
        patch.setattr(Classifier, "training_step", broken)
        assert command("train", *WORDS, "seeds=0..2", "output_dir=a").code == 0
    assert command("train", *WORDS, "seeds=0..2", "output_dir=b").code == 0
    assert_same_bits(tmp_path / "a", tmp_path / "b")
    records = [json.loads(path.read_text())["train"] for path in tmp_path.rglob("metrics.json")]
    assert [record["seeds_together"] for record in records] == [3] * 6
    assert not list(tmp_path.rglob(".stack-*"))


def test_a_damaged_checkpoint_of_the_stack_is_set_aside(command, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        command("train", *WORDS, "seeds=0..1")
    (last,) = tmp_path.rglob(".stack-*/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:1000])
    outcome = command("train", *WORDS, "seeds=0..1")
    assert outcome.code == 0
    assert "is damaged" in outcome.err
    assert len(list(tmp_path.rglob("metrics.json"))) == 2


# ---- seeds that are not like the others -------------------------------------------------------------------


def test_complete_and_begun_seeds_stay_out(command, tmp_path: Path, monkeypatch) -> None:
    assert command("train", *WORDS, "seed=1").code == 0
    with monkeypatch.context() as patch:  # trained, not evaluated
        patch.setattr("bregman_exp.cli.evaluate_run.attack_all", None)
        assert command("train", *WORDS, "seed=2").code == 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.ckpt")}
    assert len(before) == 4
    outcome = command("train", *WORDS, "seeds=0..4")
    assert outcome.code == 0, outcome.err
    assert "training 3 seeds together" in outcome.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(tmp_path.rglob("metrics.json"))) == 5
    assert command("train", *WORDS, "seeds=0..4").err.count("skipped") == 5


def test_one_seed_left_is_trained_alone(command, tmp_path: Path) -> None:
    assert command("train", *WORDS, "seed=1").code == 0
    outcome = command("train", *WORDS, "seeds=0..1")
    assert outcome.code == 0
    assert TOGETHER not in outcome.err


def test_a_busy_folder_is_told_and_the_others_go_on(command, tmp_path: Path) -> None:
    assert command("train", *WORDS, "seed=1", "output_dir=a").code == 0
    (name,) = folders(tmp_path / "a")
    busy = tmp_path / "outputs/adhoc/bregman_mlp-atan-two_spiral" / name
    with RunFolder(busy).locked():
        outcome = command("train", *WORDS, "seeds=0..3")
    assert outcome.code == 1
    assert "left out for now" in outcome.err
    assert outcome.err.count("\nError: ") == 1
    assert "training 3 seeds together" in outcome.err
    assert len(list((tmp_path / "outputs").rglob("metrics.json"))) == 3
    assert not list(busy.rglob("*.ckpt"))


def test_a_seed_that_diverges_does_not_touch_the_others(command, tmp_path: Path, monkeypatch) -> None:
    words = (*WORDS, "seeds=0..2")
    assert command("train", *words, "output_dir=b").code == 0
    with monkeypatch.context() as patch:
        spoil(1, 1, patch)
        outcome = command("train", *words, "output_dir=a")
    assert outcome.code == 1
    assert outcome.err.count("\nError: ") == 1
    a = folders(tmp_path / "a")
    for name, folder in folders(tmp_path / "b").items():
        if not name.startswith("seed-1"):
            assert_same_weights(a[name], folder, rtol=0, atol=0)
            assert np.array_equal(rows(a[name]), rows(folder))
            assert comparable(a[name]) == comparable(folder)
        else:
            failure = json.loads((a[name] / "failure.json").read_text())
            assert (failure["epoch"], failure["step"]) == (1, 5)
            assert "NonFiniteLossError: The loss is nan" in failure["error"]
            assert "Traceback" in failure["traceback"]
            assert len(rows(a[name])) == 1  # the epoch before
            assert not list(a[name].rglob("*.ckpt"))
            assert not (a[name] / "metrics.json").exists()
    assert command("train", *words, "output_dir=a").code == 0  # the seed begins again
    assert not list((tmp_path / "a").rglob("failure.json"))


def test_a_failure_is_remembered_across_an_interruption(command, tmp_path: Path, monkeypatch) -> None:
    words = (*WORDS, "seeds=0..2")
    with monkeypatch.context() as patch:
        spoil(1, 0, patch)
        interrupt_in_epoch(2, patch)
        assert command("train", *words).code == 130
    outcome = command("train", *words)
    assert outcome.code == 1
    (failure,) = tmp_path.rglob("failure.json")
    assert failure.parent.name.startswith("seed-1")
    assert json.loads(failure.read_text())["epoch"] == 0
    assert len(list(tmp_path.rglob("metrics.json"))) == 2


def test_only_failed_ones_left_of_an_interrupted_stack(command, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        spoil(1, 0, patch)
        interrupt_in_epoch(1, patch)
        assert command("train", *WORDS, "seeds=0..1").code == 130
    assert command("train", *WORDS, "seed=0").code == 0
    outcome = command("train", *WORDS, "seeds=0..1")
    assert outcome.code == 1
    assert outcome.err.count("\nError: ") == 1
    assert "no seed is left" in outcome.err
    assert not list(tmp_path.rglob(".stack-*"))


def spoil(row: int, epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row's weights become NaN before the second of the epoch's four steps."""
    real = StackedClassifier.training_step

    def step(self: StackedClassifier, batch: tuple, batch_idx: int) -> dict:
        if self.current_epoch == epoch and batch_idx == 1:
            with torch.no_grad():
                self.model.template.output.weight[row] = float("nan")
        return real(self, batch, batch_idx)

    monkeypatch.setattr(StackedClassifier, "training_step", step)


def test_an_error_of_the_stack_is_told_once_and_recorded_in_each(command, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bregman_exp.build.together.stacked_trainer", broken)
        outcome = command("train", *WORDS, "seeds=0..2")
    assert outcome.code == 1
    assert outcome.err.count("Error: ") == 2  # RuntimeError: is the other
    assert "Traceback" not in outcome.err
    assert len(list(tmp_path.rglob("failure.json"))) == 3
    assert command("train", *WORDS, "seeds=0..2").code == 0
    assert not list(tmp_path.rglob("failure.json"))


def test_a_folder_that_cannot_be_made_is_one_sentence(command, tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("")
    outcome = command("train", *WORDS, "seeds=0..2")
    assert outcome.code == 1
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
