"""One table in every format, names that mean something to a format, and python scripts/table.py."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from bregman_exp.analysis.table import Table, on_terminal, written
from tests.analysis.table_runs import COMMIT, LINF, entry, mlp, paper, row, run, tables
from tests.conftest import Outcome

EXPECTED = Path(__file__).parent / "expected"
NAME = r"[/i]a_b & 50% $x^2 {z} \q|<b>*"


def table(*runs) -> Table:
    (one,) = tables(runs)
    return one


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """resnet20 and bregman_resnet20 (softplus), two seeds each; of the latter one number is UNRELIABLE."""
    monkeypatch.chdir(tmp_path)
    softplus = {"model": "bregman_resnet20", "act": "softplus"}
    robust = [entry(42, verdict="unreliable"), *paper(42, 52)[1:]]
    return table(
        *row(Path(), [90, 92], *paper(40, 50), act="relu"),
        run(Path("b0"), 91, paper(44, 54), **softplus),
        run(Path("b1"), 93, robust, seed=1, **softplus),
    )


@pytest.fixture
def odd(tmp_path: Path) -> Table:
    """A row whose name means something in every format."""
    return table(run(tmp_path / "seed-0", 50, model=NAME, act="ρ[red]"))


@pytest.mark.parametrize(
    ("format_", "file"),
    [("markdown", "table.md"), ("latex", "table.tex"), ("html", "table.html"), ("terminal", "table.txt")],
)
def test_a_whole_table(both: Table, format_: str, file: str) -> None:
    assert written([both], format_) == (EXPECTED / file).read_text()


def on_screen(one: Table, width: int) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(on_terminal([one]))
    return [line.rstrip() for line in capture.get().split("\n")]


@pytest.mark.parametrize(("width", "blocks"), [(150, 1), (110, 2), (66, 3)])
def test_the_terminal_is_not_overrun_and_nothing_is_lost(both: Table, width: int, blocks: int) -> None:
    lines = on_screen(both, width)
    assert max(map(len, lines)) <= width
    assert both.footnotes[0].replace(" ", "") in "".join(lines).replace(" ", "")
    assert sum(line.startswith("row ") for line in lines) == blocks
    figures = re.compile(r"\S+ ± \S+|[+-]\S+ \[.*?\]|baseline$")
    shown, whole = (sorted(figures.findall("\n".join(some))) for some in (lines, on_screen(both, 300)))
    assert shown == whole


def test_a_long_name_is_broken_after_commas(tmp_path: Path) -> None:
    config = mlp(depth=100, init="deterministic", version="bregman")
    lines = on_screen(table(run(tmp_path, 90, model="bregman_mlp", act="atan", config=config)), 80)
    first = next(i for i, line in enumerate(lines) if line.startswith("bregman_mlp"))
    names = [line.split("  ")[0] for line in lines[first : first + 2]]
    assert names == ["bregman_mlp (atan),", "depth 100, deterministic"]


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        (r"a\b_c&d%e$f#g{h}i", r"a\textbackslash{}b\_c\&d\%e\$f\#g\{h\}i"),
        ("i~j^k<l>m|n", r"i\textasciitilde{}j\textasciicircum{}k\textless{}l\textgreater{}m\textbar{}n"),
        ("ℓ2 ε Φ ρ – ± é 字", r"$\ell_2$ $\varepsilon$ $\Phi$ $\rho$ -- $\pm$ é {[}U+5B57]"),
        ("[x] *y*\n-1 e-2 a-b --c", "{[}x] {*}y{*} $-$1 e-2 a-b -{}-c"),
    ],
)
def test_latex_knows_no_special_character(tmp_path: Path, name: str, escaped: str) -> None:
    assert f"\n{escaped} (gelu) & 1 & 50.00 \\\\\n" in written(
        [table(run(tmp_path, 50, model=name))], "latex"
    )


def test_braces_of_latex_are_balanced(both: Table, odd: Table) -> None:
    for one in (both, odd):
        text = re.sub(r"(?m)^%.*$|\\[{}]", "", written([one], "latex"))
        while pairs := re.findall(r"{[^{}]*}", text):
            for pair in pairs:
                text = text.replace(pair, "")
        assert not set("{}") & set(text)
        assert text.count("$") % 2 == text.count("\\$") % 2


def in_csv(*several: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(several, "cells"))))


def test_csv(both: Table) -> None:
    lines = in_csv(both, both)
    assert len(lines) == 2 * 2 * 3
    assert {line["table"] for line in lines} == {"1", "2"}
    found = lines[1]
    text = {
        **{"row": "bregman_resnet20 (softplus)", "id": "pgd-linf-0.0028", "values": "0:0.44 1:0.42"},
        **{"n": "100", "n_seeds": "2", "seeds": "0 1", "missing": "", "code": COMMIT, "interval": "Welch"},
        **{"published_mean": "0.4246", "published_std": "0.0125", "baseline": "resnet20 (relu)"},
        "marks": "UNRELIABLE",
    }
    assert {name: found[name] for name in text} == text
    numbers = {"eps": LINF, "mean": 0.43, "std": 0.02 / 2**0.5, "difference": 0.03}
    assert {name: float(found[name]) for name in numbers} == pytest.approx(numbers)
    assert float(lines[0]["ci95_low"]) == pytest.approx(0.01 - 4.302653 * 0.02 / 2**0.5, abs=1e-6)


def test_names_are_shown_as_they_are(odd: Table) -> None:
    name = f"{NAME} (ρ[red])"
    assert name in written([odd], "terminal")
    html = ElementTree.fromstring(written([odd], "html"))  # ParseError where a tag is not closed
    assert next(html.iterfind(".//tbody//th")).text == name
    assert in_csv(odd)[0]["row"] == name
    markdown, latex = (written([odd], format_).split("\n") for format_ in ("markdown", "latex"))
    assert r"| [/i]a_b & 50% \$x^2 {z} \\q\|\<b\>\* (ρ[red]) | 1 | 50.00 |" in markdown
    tail = r"\{z\} \textbackslash{}q\textbar{}\textless{}b\textgreater{}{*} ($\rho${[}red]) & 1 & 50.00 \\"
    assert r"{[}/i]a\_b \& 50\% \$x\textasciicircum{}2 " + tail in latex


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path, formula: str) -> None:
    lines = in_csv(table(run(tmp_path / "a", 50, model=formula), run(tmp_path / "b", 60)))
    line = next(line for line in lines if line["model"].endswith(formula))
    assert (line["model"], line["row"][:2]) == (f"'{formula}", f"'{formula[0]}")
    assert float(line["difference"]) < 0  # a number keeps its sign


# ---- python scripts/table.py ------------------------------------------------------------------------------


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    place = tmp_path / "outputs"
    row(place, [90, 92], *paper(40, 50))
    row(place, [91, 95], *paper(41, 51), model="bregman_resnet20", act="tanh")
    return place


def test_the_runs_of_outputs_on_the_terminal(script: Callable[..., Outcome], outputs: Path) -> None:
    done = script("table", "--attack", "pgd-linf")
    assert (done.code, done.err) == (0, "")
    assert "bregman_resnet20 (tanh)" in done.out
    assert "41.00 ± 0.00" in done.out
    assert "51.00" not in done.out


def test_globs_files_and_formats(script: Callable[..., Outcome], outputs: Path, tmp_path: Path) -> None:
    starts = {"md": "CIFAR-10: accuracy", "tex": "% inside", "csv": "run,state,", "html": "<figure"}
    for ending, start in (starts | {"txt": "CIFAR-10: accuracy"}).items():
        file = tmp_path / "made" / f"t.{ending}"
        done = script("table", "outputs/*resnet20-*/seed-[01]-*", "--baseline", "none", "--output", str(file))
        assert (done.code, done.out, done.err) == (0, "", f"wrote {file}\n")
        assert file.read_text().startswith(start)
    assert len(list((tmp_path / "made").iterdir())) == 5
    assert script("table", "--format", "cells").out.startswith("table,")


def test_mistakes_are_told_in_one_sentence(
    script: Callable[..., Outcome], outputs: Path, tmp_path: Path
) -> None:
    row(tmp_path / "other", [50], train={"epochs": 1})
    (tmp_path / "empty").mkdir()
    for words, said in (
        (("nowhere",), "there is no folder nowhere"),
        (("empty",), "there are no runs in"),
        (("outputs", "--attack", "square"), "starts with 'square'"),
        (("outputs", "--baseline", "vgg"), "no row is --baseline 'vgg'"),
        (("outputs", "--format", "xml"), "invalid choice: 'xml'"),
        (("--format", "csv", "--attack", "pgd"), "do not apply; leave them out, or use --format cells"),
        (("outputs", "--output", "outputs"), "Is a directory"),
        (("outputs", "other"), "differ in epochs: 182"),
    ):
        done = script("table", *words)
        assert said in done.err
        assert (done.code, done.err.count("\n"), done.out) == (1, 0, "")
    assert script("table", "outputs", "other", "--split").out.count("accuracy in percent") == 2
