"""One table in every format, names that mean something to a format, and python scripts/table.py."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bregman_exp.analysis.table import Table, on_terminal, render
from tests.analysis.table_runs import cells, entry, expected, mlp, paper, row, run, tables
from tests.conftest import Outcome

NAME = r"[/i]a_b & 50% $x^2 {z} \q|<b>* ~#ℓ2 ε Φ ρ – ± é 字 -1 e-2 a-b --c"
ENDINGS = {"markdown": "md", "latex": "tex", "html": "html", "terminal": "txt"}


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """resnet20 and bregman_resnet20 (softplus), two seeds each; of the latter one number is UNRELIABLE."""
    monkeypatch.chdir(tmp_path)
    softplus = {"model": "bregman_resnet20", "act": "softplus"}
    robust = [entry(42, verdict="unreliable"), *paper(42, 52)[1:]]
    runs = row(Path(), [90, 92], *paper(40, 50), act="relu")
    runs += [run(Path("b0"), 91, paper(44, 54), **softplus), run(Path("b1"), 93, robust, seed=1, **softplus)]
    return tables(runs)[0]


@pytest.mark.parametrize("format_", ENDINGS)
def test_a_whole_table(both: Table, format_: str) -> None:
    assert render([both], format_) == expected(f"table.{ENDINGS[format_]}")


@pytest.mark.parametrize("format_", ENDINGS)
def test_names_are_shown_as_they_are_and_long_ones_broken_after_commas(tmp_path: Path, format_: str) -> None:
    config = mlp(depth=100, init="deterministic", version="bregman")
    runs = [run(tmp_path / "a", 50, model=NAME, act="ρ[red]"), run(tmp_path / "b", 90, config=config)]
    assert render(tables(runs, baseline="none"), format_) == expected(f"names.{ENDINGS[format_]}")


@pytest.mark.parametrize(("width", "blocks"), [(150, 1), (110, 2), (66, 3)])
def test_the_terminal_is_not_overrun_and_nothing_is_lost(both: Table, width: int, blocks: int) -> None:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(on_terminal([both]))
    lines = capture.get().rstrip().split("\n")
    assert max(len(line.rstrip()) for line in lines) <= width
    assert both.footnotes[0].replace(" ", "") in "".join(lines).replace(" ", "")
    assert sum(line.startswith("row ") for line in lines) == blocks
    figures = re.compile(r"\d\S+ ± \S+|[+-]\S+ \[.*?\]")
    shown, whole = (sorted(figures.findall(text)) for text in ("\n".join(lines), expected("table.txt")))
    assert shown == whole


def test_the_cells_as_csv(both: Table) -> None:
    text = render([both, both], "cells")
    assert re.sub(r"\d\.\d{10,}", lambda number: f"{float(number[0]):.10f}", text) == expected("table.csv")
    half = 4.302653 * 0.02 / 2**0.5  # clean: 0.92 and 0.91, v = s²/2 = 0.02²/4 of each, 2 degrees of freedom
    ends = (both.rows[0][0]["ci95_low"], both.rows[0][0]["ci95_high"])
    assert ends == pytest.approx((0.01 - half, 0.01 + half), abs=1e-6)


def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    formulas = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1")
    runs = [run(tmp_path / str(i), 50, model=formula) for i, formula in enumerate(formulas)]
    lines = cells([*runs, run(tmp_path / "b", 60)])
    assert {line["model"] for line in lines} == {*(f"'{formula}" for formula in formulas), "resnet20"}
    assert {line["row"][0] for line in lines} == {"'", "r"}
    assert min(float(line["difference"] or 0) for line in lines) == pytest.approx(-0.1)  # keeps its sign


@pytest.fixture
def outputs(tmp_path: Path) -> None:
    for place, more in (("outputs", 0), ("other", 1)):
        row(tmp_path / place, [90, 92], *paper(40, 50), train={"epochs": 182 + more})
    row(tmp_path / "outputs", [91, 95], *paper(41, 51), model="bregman_resnet20", act="tanh")
    (tmp_path / "empty").mkdir()


def test_the_script(script: Callable[..., Outcome], outputs: None, tmp_path: Path) -> None:
    done = script("table", "--attack", "pgd-linf")
    assert (done.code, done.err) == (0, "")
    assert ["41.00 ± 0.00" in done.out, "51.00" in done.out] == [True, False]
    starts = {"md": "CIFAR-10: accuracy", "tex": "% inside", "csv": "run,state,", "html": "<figure"}
    for ending, start in (starts | {"txt": "CIFAR-10: accuracy"}).items():
        file = tmp_path / "made" / f"t.{ending}"
        done = script("table", "outputs/*resnet20-*/seed-[01]-*", "--baseline", "none", "--output", str(file))
        assert (done.code, done.out, done.err) == (0, "", f"wrote {file}\n")
        assert file.read_text().startswith(start)
    assert len(list((tmp_path / "made").iterdir())) == 5
    assert script("table", "--format", "cells").out.startswith("table,")
    assert script("table", "outputs", "other").out.count("accuracy in percent") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nowhere", "there is no folder nowhere"),
        ("empty", "there are no runs in"),
        ("outputs --format xml", "invalid choice: 'xml'"),
        ("--format csv --attack pgd", "do not apply; leave them out, or use --format cells"),
        ("outputs --output outputs", "Is a directory"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    script: Callable[..., Outcome], outputs: None, words: str, sentence: str
) -> None:
    done = script("table", *words.split())
    assert sentence in done.err
    assert (done.code, done.err.count("\n"), done.out) == (1, 0, "")
