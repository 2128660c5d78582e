"""What a sweep says of itself after each job."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bregman_exp.cli.sweep import Outcome, number_of_jobs, progress
from bregman_exp.cli.sweep_table import print_result
from tests.conftest import TINY
from tests.conftest import Outcome as Said

SMALL = ("dataset=two_spiral", *TINY[1:], "attack=none")
DONE, SKIPPED, FAILED, LEFT = Outcome.DONE, Outcome.SKIPPED, Outcome.FAILED, Outcome.POSTPONED


def lines(said: Said) -> list[str]:
    """The lines on the sweep, without the time left, which is not always the same."""
    return [re.sub("about .* left", "…", line) for line in said.err.split("\n") if line.startswith("sweep:")]


def test_done_failed_and_skipped(command: Callable[..., Said], tmp_path: Path) -> None:
    sweep = ("train", "-m", "model=mlp,bregman_mlp", "trainer.batch_size=16,0", *SMALL)
    assert lines(command(*sweep)) == [
        "sweep: 1 of 4 jobs done; …",
        "sweep: 1 of 4 jobs done, 1 failed; …",
        "sweep: 2 of 4 jobs done, 1 failed; …",
        "sweep: 2 of 4 jobs done, 2 failed",
    ]
    assert lines(command(*sweep))[-1] == "sweep: 2 of 4 jobs done, 2 of them skipped as complete, 2 failed"
    assert [path.name for path in (tmp_path / "outputs" / ".sweeps").iterdir()] == ["multirun.yaml"]


def runs(said: Said) -> list[str]:
    """The lines on the sweep's runs, with # for figures: all that it says before its table but errors."""
    before = said.err.rpartition("\nsweep: ")[0].splitlines()
    others = [line for line in before if not line.startswith(("sweep: ", "Error: "))]
    return [re.sub(r"\d+\.\d\d %", "# %", line) for line in others]


def test_a_line_for_each_run_then_a_table_and_what_to_do_next(
    command: Callable[..., Said], tmp_path: Path
) -> None:
    attack = "attack.attacks=[{attack: fgsm, norm: linf, eps: 0.02}]"
    sweep = ("train", "-m", "model=mlp", "optim.lr=0.1,0.2", "++model.init=deterministic")
    sweep = (*sweep, "trainer.batch_size=16,0", *SMALL, "attack=paper", attack)
    row, figures = "mlp (atan), depth 3, identity start", "# % clean, # % under fgsm-linf-0.02 (unchecked)"
    settings = ["optim.lr=0.1, trainer.batch_size=16", "optim.lr=0.2, trainer.batch_size=16"]
    said = command(*sweep)
    assert runs(said) == [
        f"{row}, {settings[0]}, seed 0: {figures}",
        "optim.lr=0.1, trainer.batch_size=0: failed",
        f"{row}, {settings[1]}, seed 0: {figures}",
        "optim.lr=0.2, trainer.batch_size=0: failed",
    ]
    end = said.err.rpartition("\nsweep: ")[2]
    assert len(re.findall("^optim.lr 0.[12] *$", end, re.MULTILINE)) == 2  # rows of the table
    folder = "outputs/adhoc"
    assert end.endswith(
        f"\nnext:\n    python scripts/table.py {folder}\n    python scripts/report.py {folder}\n"
    )
    again = runs(command(*sweep))
    assert again[0] == f"{row}, {settings[0]}, seed 0: {figures} (skipped as complete)"
    (lr,) = [path for path in tmp_path.rglob("config.yaml") if "lr: 0.1" in path.read_text()]
    (lr.parent / "metrics.json").unlink()
    (lr.parent / "checkpoints" / "last.ckpt").unlink()
    (lr.parent / "hpc_ckpt_1").touch()
    failed = f"{row}, {settings[0]}, seed 0: failed, see {lr.parent.relative_to(tmp_path)}/failure.json"
    assert runs(command(*sweep))[0] == failed


def test_another_suite_is_of_the_evaluation_that_has_it(command: Callable[..., Said]) -> None:
    sweep, row = ("train", "-m", "model=mlp", *SMALL, "seeds=0..1"), "mlp (atan), depth 3, random start"
    assert runs(command(*sweep)) == [f"{row}, seed {seed}: # % clean" for seed in (0, 1)]
    attack = "attack.attacks=[{attack: fgsm, norm: linf, eps: 0.02}]"
    said = command(*sweep, "attack=paper", attack)
    assert [line.partition(" (unch")[0].partition(" (deg")[0] for line in runs(said)] == [
        f"{row}, seed {seed}: # % clean, # % under fgsm-linf-0.02" for seed in (0, 1)
    ]


def test_several_seeds_say_how_they_train_then_a_line_each(
    command: Callable[..., Said], tmp_path: Path
) -> None:
    said = command("train", "model=mlp", *SMALL, "seeds=0..1").err
    assert said.startswith("training seeds 0..1 together")
    assert "\noptimizer: sgd" in said
    assert len(re.findall(r"^mlp \(atan\), depth 3, random start, seed [01]: .* % clean$", said, re.M)) == 2
    assert not re.search("evaluating|┃ attack", said)  # run.log has them
    assert said.endswith("    python scripts/report.py outputs/adhoc\n")
    assert all("evaluating" in log.read_text() for log in tmp_path.rglob("run.log"))
    one = command("train", "model=mlp", *SMALL, "seed=0").err
    assert one.count("is complete: skipped") == 1
    assert "next:" not in one


def test_a_sweep_whose_runs_left_nothing_has_no_table(capsys: pytest.CaptureFixture) -> None:
    print_result([Path("outputs/mine/mlp-atan-two_spiral/seed-0-x")])
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("no table: no run is left")
    assert said[-1] == "    python scripts/report.py outputs/mine"


def test_a_single_job_says_nothing_of_a_sweep(command: Callable[..., Said]) -> None:
    assert lines(command("train", *SMALL, "model=mlp")) == []


@pytest.mark.slow
def test_a_launchers_workers_count_together_and_share_the_time(
    command: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one test, since the workers stay and write to where they began to."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    parallel = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "model=mlp", *SMALL)
    said = command("train", "-m", *parallel, "seed=0,1,2")
    assert lines(said)[-1] == "sweep: 3 of 3 jobs done", said.err
    assert len(re.findall(r"mlp \(atan\), depth 3, random start, seed [012]: .* % clean\n", said.err)) == 3
    assert said.err.endswith("    python scripts/report.py outputs/adhoc\n")
    short = ("trainer.max_time=00:00:01", "trainer.max_epochs=5000", "seed=0,1,2,3")
    said = command("train", "-m", *parallel, *short)
    assert said.code == 75, said.err
    assert lines(said)[-1] == "sweep: 0 of 4 jobs done, 4 left for later"
    assert 1 <= said.err.count("of 5000 epochs: trainer.max_time=00:00:01 is used up") <= 2
    assert not list(tmp_path.rglob("progress-*"))


def test_jobs_are_counted_as_hydra_does() -> None:
    assert number_of_jobs(["model=mlp,bregman_mlp", "seed=0,1,2", "act=atan"]) == 6
    assert number_of_jobs(["seed=0,1,2", "seed=7", "++model.depth=range(1,5)"]) == 4
    assert number_of_jobs(["model.widths=[2,2],[2,2,2]", "seeds=0..15"]) == 2


@pytest.mark.parametrize(
    ("ended", "seconds", "expected"),
    [
        ([SKIPPED, SKIPPED], 3, "2 of 60 jobs done, 2 of them skipped as complete"),
        ([DONE] * 12 + [FAILED], 416, "12 of 60 jobs done, 1 failed; about 25 min left"),
        (
            [SKIPPED] * 10 + [DONE],
            60,
            "11 of 60 jobs done, 10 of them skipped as complete; about 49 min left",
        ),
        ([DONE] * 10, 8000, "10 of 60 jobs done; about 11.1 h left"),
        ([DONE] * 59, 590, "59 of 60 jobs done; about 10 s left"),
        ([DONE] * 60, 600, "60 of 60 jobs done"),
        ([DONE] * 2 + [FAILED] + [LEFT] * 7, 510, "2 of 60 jobs done, 1 failed, 7 left for later"),
    ],
)
def test_the_time_left_is_of_jobs_that_were_worked_on(ended, seconds: float, expected: str) -> None:
    assert progress(ended, 60, seconds) == f"sweep: {expected}"
