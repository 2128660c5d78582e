"""The command bregman: its door, and the commands on runs that exist."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bregman_exp as bx
from bregman_exp.cli import main as door
from bregman_exp.cli.main import COMMANDS, completions
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import SPIRAL, added, entry, expected, mlp, paper, row, spiral, unfinished
from tests.conftest import Outcome

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def bregman(in_process):
    """``bregman("runs", "outputs")`` in the test's empty folder."""
    return lambda *words: in_process(door.main, "bregman", *words)


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two rows of MLPs of two seeds each, one run that failed and one that was interrupted."""
    monkeypatch.chdir(tmp_path)
    place = Path("outputs")
    spiral(place, [90, 92])
    for folder in spiral(place, [95, 99], version="bregman"):
        added(
            folder, "pgd-1", 95, [entry(70, "pgd-linf-0.01")], model="bregman_mlp", act="atan", dataset=SPIRAL
        )
    unfinished(place / "mlp-atan" / "seed-7-x", mlp() | {"seed": 7}, ArithmeticError("the loss is nan\nmore"))
    unfinished(place / "mlp-atan" / "seed-8-x", mlp() | {"seed": 8})
    return place


def rows_in(outcome: Outcome) -> list[list[str]]:
    lines = [line for line in outcome.out.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


# ---- the door


def test_without_a_command_the_commands_are_listed(bregman) -> None:
    page = bregman().out
    assert all(f"bregman {name}" in page for name in COMMANDS)
    assert bregman("--help").out == page
    assert bregman("--version").out == f"bregman-exp {bx.__version__}\n"
    wrong = bregman("tabel")
    assert wrong.code == 1
    assert wrong.err == "there is no command 'tabel'; there are " + ", ".join(COMMANDS) + "."


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "bench"])
def test_every_command_has_help(bregman, name: str) -> None:
    outcome = bregman(name, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"bregman {name}" in outcome.out


def test_the_modules_door_is_the_same_and_starts_without_torch(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.argv = ['bregman', '--help']\n"
        "runpy.run_module('bregman_exp', run_name='__main__')\n"
        "print(sorted({'torch', 'pandas', 'hydra', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.startswith("bregman-exp")
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bregman ta", ["table"]),
        ("bregman r", ["runs", "report"]),
        ("bregman train act=ta", ["tanh"]),
        ("bregman train model=mlp tra", ["trainer=", "training="]),
        ("bregman evaluate attack=autoattack_", ["autoattack_rapid"]),
        ("bregman train nothing=", []),
    ],
)
def test_completion(line: str, words: list[str]) -> None:
    assert completions(line) == words


def test_folders_are_completed(outputs: Path) -> None:
    assert completions("bregman table out") == ["outputs/"]


# ---- runs


@pytest.mark.parametrize(
    ("words", "file"), [((), "runs.txt"), (("--json",), "runs.json"), (("--rows",), "rows.txt")]
)
def test_a_line_a_run(bregman, outputs: Path, monkeypatch, words: tuple[str, ...], file: str) -> None:
    monkeypatch.setattr("bregman_exp.analysis.listing._date", lambda _run: "2026-11-28 10:12")
    outcome = bregman("runs", *words)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == expected(file)


@pytest.mark.parametrize(
    ("where", "n"),
    [
        (["state=complete", "model=nothing", "act=nothing"], 0),
        (["state=failed"], 1),
        (["seed=1"], 2),
        (["row=bregman*"], 2),
        (["row=bregman*", "seed=0"], 1),
        (["model.depth=3", "state=complete"], 4),
        (["trainer.patience=null"], 6),
        (["optim.lr=0.1"], 0),
    ],
    ids=str,
)
def test_filters(bregman, outputs: Path, where: list[str], n: int) -> None:
    assert len(json.loads(bregman("runs", "--json", "--where", *where).out)) == n


def test_a_filter_of_nothing(bregman, outputs: Path) -> None:
    outcome = bregman("runs", "--where", "rate=0.1")
    assert outcome.code == 1
    assert outcome.err.startswith("--where rate=0.1: no run has rate; there are row, seed, state")
    by_full_key, by_last_name = (bregman("runs", "--where", f"{key}=0.1") for key in ("optim.lr", "lr"))
    assert by_last_name == by_full_key
    assert "is no condition; give key=value" in bregman("runs", "--where", "failed").err


# ---- table and compare


def test_runs_that_do_not_share_a_table_get_one_each(bregman, outputs: Path) -> None:
    row(outputs, [80, 81], *paper(40, 50))
    outcome = bregman("table", "outputs")
    assert outcome.code == 0
    assert outcome.err.startswith("The runs do not share one table: they differ in data: ")
    assert outcome.out.count("accuracy in percent") == 2
    one = bregman("table", "outputs", "--one")
    assert one.code == 1
    assert "leave out --one for a table of each" in one.err


def test_rows_are_compared_by_name(bregman, outputs: Path) -> None:
    outcome = bregman("compare", "bregman_mlp (atan)", "mlp (atan), depth 3, random start")
    assert outcome.code == 0, outcome.err
    (clean,) = [line for line in rows_in(outcome) if line[0] == "clean"]
    assert clean[1:4] == ["97.00 ± 2.83", "91.00 ± 1.41", "+6.00"]
    seeds = bregman("compare", "bregman_mlp (atan), seed 1", "mlp (atan) seed 0")
    (clean,) = [line for line in rows_in(seeds) if line[0] == "clean"]
    assert clean[1:4] == ["99.00", "90.00", "+9.00"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet", "there is no folder and no row 'resnet'; the rows in outputs are: bregman_mlp"),
        ("mlp (atan), seed 5", "has no seed 5."),
        ("nowhere/at/all", "there is no folder nowhere/at/all"),
    ],
)
def test_a_row_that_is_not_there(bregman, outputs: Path, name: str, sentence: str) -> None:
    outcome = bregman("compare", name, "bregman_mlp")
    assert outcome.code == 1
    assert sentence in outcome.err


def test_a_name_of_several_rows(bregman, outputs: Path) -> None:
    spiral(outputs, [70], depth=10)
    outcome = bregman("compare", "mlp", "bregman_mlp")
    assert outcome.code == 1
    assert outcome.err.startswith(
        "'mlp' may be any of 'mlp (atan), depth 3, random start', 'mlp (atan), depth 10,"
    )


# ---- clean


def test_clean_asks_and_removes_what_is_not_complete(bregman, outputs: Path, monkeypatch) -> None:
    def answer(text: str) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda _question: text)

    assert "nobody can be asked here; add --yes" in bregman("clean").err
    answer("n")
    assert "nothing was removed" in bregman("clean").out
    assert len(list(outputs.rglob("config.yaml"))) == 6
    answer("y")
    removed = bregman("clean")
    assert "removed 2 folders." in removed.out
    assert sorted(path.parent.name for path in outputs.rglob("config.yaml")) == [
        "seed-0-x",
        "seed-0-x",
        "seed-1-x",
        "seed-1-x",
    ]
    assert bregman("clean", "--yes").out == "there is nothing to remove.\n"


def test_clean_leaves_what_is_being_written(bregman, outputs: Path) -> None:
    running = RunFolder(next(outputs.rglob("seed-8-x")))
    with running.locked():
        bregman("clean", "--yes")
    assert running.config.exists()


def test_clean_keeps_the_newest_evaluation_of_a_suite(bregman, outputs: Path) -> None:
    folder = RunFolder(next(path for path in outputs.rglob("seed-0-x") if (path / "evaluations").exists()))
    about = {"model": "bregman_mlp", "act": "atan", "dataset": SPIRAL}
    added(folder, "pgd-2", 95, [entry(60, "pgd-linf-0.01")], **about)
    added(folder, "fgsm-3", 95, [entry(80, "fgsm-linf-0.01")], **about)
    folder.evaluation("curve-9").fail(ArithmeticError("bad"))
    assert "removed 2 folders." in bregman("clean", "--evaluations", "--yes").out
    assert [place.path.name for place in folder.evaluations] == ["fgsm-3", "pgd-2"]
