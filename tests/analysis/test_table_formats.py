"""One table in five formats: read back where a reader exists, and names that mean something to a format."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bregman_exp.analysis.table import Table, as_cells, as_html, as_latex, as_markdown, on_terminal
from bregman_exp.analysis.table.latex import escaped
from bregman_exp.terminal import as_text
from tests.analysis.table_runs import COMMIT, LINF, entry, mlp, paper, row, run, table

NAME = r"[/i]a_b & 50% $x^2 {z} \q|<b>*"


@pytest.fixture
def both(tmp_path: Path) -> Table:
    """resnet20 and bregman_resnet20 (softplus), two seeds each; of the latter one number is UNRELIABLE."""
    standard = row(tmp_path, [90, 92], robust=paper(40, 50))
    robust = [entry(42, verdict="unreliable"), *paper(42, 52)[1:]]
    softplus: dict[str, Any] = {"model": "bregman_resnet20", "act": "softplus"}
    return table(
        [
            *standard,
            run(tmp_path / "b0", 91, paper(44, 54), seed=0, **softplus),
            run(tmp_path / "b1", 93, robust, seed=1, **softplus),
        ]
    )


@pytest.fixture
def odd(tmp_path: Path) -> Table:
    """A row whose name means something in every format."""
    return table([run(tmp_path / "seed-0", 50, model=NAME, act="ρ[red]")])


def on_screen(one: Table, width: int) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(on_terminal([one]))
    return [line.rstrip() for line in capture.get().split("\n")]


def test_terminal(both: Table) -> None:
    lines = on_screen(both, 150)
    first = next(i for i, line in enumerate(lines) if line.startswith("bregman_resnet20 (softplus)"))
    cells = [re.split(r" {2,}", line.strip()) for line in lines[first : first + 3]]
    assert cells == [
        ["bregman_resnet20 (softplus)", "2", "92.00 ± 1.41", "43.00 ± 1.41 UNRELIABLE [1]", "53.00 ± 1.41"],
        ["published 90.82 ± 0.12", "published 42.46 ± 1.25", "published 53.13 ± 1.68"],
        # the first: 1 ± 4.302653 · √2
        ["+1.00 [-5.08, +7.08]", "+3.00 [-9.71, +15.71] UNRELIABLE", "+3.00 [-9.71, +15.71]"],
    ]
    assert lines[first + 6].split() == ["baseline"] * 3
    assert any(line.startswith("[1] UNRELIABLE: a check failed") for line in lines)


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
    lines = on_screen(table(row(tmp_path, [90], "bregman_mlp", "atan", config=config)), 80)
    first = next(i for i, line in enumerate(lines) if line.startswith("bregman_mlp"))
    assert [line.split("  ")[0] for line in lines[first : first + 2]] == [
        "bregman_mlp (atan),",
        "depth 100, deterministic",
    ]


def test_markdown(both: Table) -> None:
    text = as_markdown(both)
    rows = [line.strip("| ").split(" | ") for line in text.split("\n") if line.startswith("|")]
    assert len({len(cells) for cells in rows}) == 1
    assert rows[0][:5] == [
        "row",
        "seeds",
        "test accuracy",
        "test accuracy: published",
        "test accuracy: difference",
    ]
    assert rows[2][2:5] == ["92.00 ± 1.41", "90.82 ± 0.12", "+1.00 [-5.08, +7.08]"]
    assert both.caption in text


def test_latex(both: Table) -> None:
    text = as_latex(both)
    for word in ("\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}", "\\caption{"):
        assert text.count(word) == 1
    assert "\\begin{tabular}{lrrrrrrrrrr}" in text
    assert "\\multicolumn{3}{c}{$\\ell_\\infty$-robust}" in text
    assert "\\cmidrule(lr){3-5}\\cmidrule(lr){6-8}\\cmidrule(lr){9-11}" in text
    body = text[text.index("\\midrule") : text.index("\\bottomrule")].splitlines()[1:]
    assert all(line.count(" & ") == 10 and line.endswith(" \\\\") for line in body)
    assert "bregman\\_resnet20 (softplus) & 2 & 92.00 $\\pm$ 1.41 & 90.82 $\\pm$ 0.12" in body[0]
    assert "+1.00 {[}$-$5.08, +7.08]" in body[0]
    assert "43.00 $\\pm$ 1.41 UNRELIABLE\\textsuperscript{1}" in body[0]
    assert text.isascii()


def test_latex_knows_no_special_character() -> None:
    assert escaped(r"a\b_c&d%e$f#g{h}i~j^k<l>m|n") == (
        r"a\textbackslash{}b\_c\&d\%e\$f\#g\{h\}i\textasciitilde{}j\textasciicircum{}k\textless{}l\textgreater{}"
        r"m\textbar{}n"
    )
    assert escaped("ℓ2 ε Φ ρ – ± é 字") == (r"$\ell_2$ $\varepsilon$ $\Phi$ $\rho$ -- $\pm$ é {[}U+5B57]")
    assert escaped("[x] *y*\n-1 e-2 a-b --c") == "{[}x] {*}y{*} $-$1 e-2 a-b -{}-c"


class Tags(HTMLParser):
    """Text by cell, and whether every tag is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.notes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "li":
            self.notes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "li":
            self.notes[-1] += data


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


def test_html(both: Table) -> None:
    found = parsed(as_html(both))
    assert found.rows[0] == ["row", "seeds", "test accuracy", "ℓ∞-robust", "ℓ2-robust"]
    assert found.rows[1][:3] == ["accuracy", "published", "difference"]
    assert found.rows[2][:5] == [
        "bregman_resnet20 (softplus)",
        "2",
        "92.00 ± 1.41",
        "90.82 ± 0.12",
        "+1.00 [-5.08, +7.08]",
    ]
    assert found.notes == list(both.footnotes)


def test_csv(both: Table) -> None:
    lines = list(csv.DictReader(io.StringIO(as_cells([both, both]))))
    assert len(lines) == 2 * 2 * 3
    assert {line["table"] for line in lines} == {"1", "2"}
    found = lines[1]
    assert (found["row"], found["id"]) == ("bregman_resnet20 (softplus)", "pgd-linf-0.0028")
    assert float(found["eps"]) == LINF
    assert float(found["mean"]) == pytest.approx(0.43)
    assert float(found["std"]) == pytest.approx(sqrt_half_of(0.02))
    assert found["values"] == "0:0.44 1:0.42"
    assert (found["n"], found["n_seeds"], found["seeds"], found["missing"]) == ("100", "2", "0 1", "")
    assert (found["published_mean"], found["published_std"]) == ("0.4246", "0.0125")
    assert float(found["difference"]) == pytest.approx(0.03)
    assert (found["interval"], found["baseline"], found["marks"]) == (
        "Welch",
        "resnet20 (relu)",
        "UNRELIABLE",
    )
    assert found["code"] == COMMIT
    assert float(lines[0]["ci95_low"]) == pytest.approx(0.01 - 4.302653 * sqrt_half_of(0.02), abs=1e-6)


def sqrt_half_of(gap: float) -> float:
    """The sample deviation of two numbers so far apart."""
    return gap / 2**0.5


def test_names_are_shown_as_they_are(odd: Table) -> None:
    name = f"{NAME} (ρ[red])"
    assert name in as_text(on_terminal([odd]))
    assert parsed(as_html(odd)).rows[1][0] == name
    assert next(csv.DictReader(io.StringIO(as_cells([odd]))))["row"] == name
    (line,) = [line for line in as_markdown(odd).split("\n") if line.startswith("| [/i]")]
    assert line.startswith(r"| [/i]a_b & 50% \$x^2 {z} \\q\|\<b\>\* (ρ[red]) | 1 | 50.00 |")
    (line,) = [line for line in as_latex(odd).split("\n") if line.startswith("{[}/i]")]
    assert line.startswith(
        r"{[}/i]a\_b \& 50\% \$x\textasciicircum{}2 \{z\} \textbackslash{}q\textbar{}\textless{}b"
        r"\textgreater{}{*} ($\rho${[}red])"
    )


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path, formula: str) -> None:
    shown = table(
        [run(tmp_path / "seed-0", 50, paper(40, 50), model=formula), run(tmp_path / "b", 40, paper(1, 2))]
    )
    lines = list(csv.DictReader(io.StringIO(as_cells([shown]))))
    line = next(line for line in lines if line["model"].endswith(formula))
    assert line["model"] == f"'{formula}"
    assert line["row"].startswith("'")
    assert any(float(line["difference"] or 0) < 0 for line in lines)  # a number keeps its sign


def test_braces_and_environments_of_latex_are_balanced(both: Table, odd: Table) -> None:
    for one in (both, odd):
        text = re.sub(r"(?m)^%.*$|\\[{}]", "", as_latex(one))
        depth = 0
        for character in text:
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0
        assert depth == 0
        opened, closed = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
        assert sorted(opened) == sorted(closed)
        assert text.count("$") % 2 == text.count("\\$") % 2
