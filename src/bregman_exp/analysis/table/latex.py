"""A table as LaTeX, for the inside of a table environment; it needs the package booktabs."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import accumulate

from bregman_exp.analysis.table.content import Table, Text

ESCAPED = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "—": "---",
    "–": "--", "“": "``", "”": "''", '"': "''", "…": r"\dots{}", "×": r"$\times$", "√": r"$\surd$",
    "²": "$^2$",
    "[": "{[}", "*": "{*}",  # after the end of a line these two would be read as its argument
}  # fmt: skip
PAIRS = {"ℓ∞": r"$\ell_\infty$", "ℓ2": r"$\ell_2$", "--": "-{}-"}
LETTERS = "ßæÆøØœŒłŁ"
ACCENTS = set("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
MINUS = re.compile(r"(?<![\w-])-(?=\d)")  # a hyphen before a figure
TOKEN = re.compile("ℓ∞|ℓ2|--|.", re.DOTALL)
GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
COMMANDS = {"epsilon": "varepsilon", "lamda": "lambda", "final": "varsigma"}
CAPITALS = ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")


def as_latex(table: Table) -> str:
    r"""\caption, a tabular with booktabs rules, and the footnotes below it."""
    lines = [
        "% inside \\begin{table} ... \\end{table}; needs \\usepackage{booktabs}",
        f"\\caption{{{escaped(table.caption)}}}",
        "\\centering",
        f"\\begin{{tabular}}{{lr{''.join('r' * len(parts) for _, parts in table.groups)}}}",
        "\\toprule",
        *_head(table),
        "\\midrule",
        *(_line(map(_cell, line)) for line in table.texts),
        "\\bottomrule",
        "\\end{tabular}",
        *_notes(table),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _head(table: Table) -> list[str]:
    """The columns, and where something stands beside an accuracy, a second line that says what."""
    headings = [f"\\multicolumn{{{len(parts)}}}{{c}}{{{escaped(text)}}}" for text, parts in table.groups]
    widths = [len(parts) for _, parts in table.groups]
    head = [_line(["row", "seeds", *headings])]
    if max(widths) > 1:
        ends = accumulate(widths, initial=2)
        spans = [(end + 1, end + width) for end, width in zip(ends, widths, strict=False) if width > 1]
        head.append("".join(f"\\cmidrule(lr){{{start}-{end}}}" for start, end in spans))
        head.append(_line(["", "", *(part for _, parts in table.groups for part in parts)]))
    return head


def _cell(cell: Text) -> str:
    notes = ",".join(map(str, cell.notes))
    return escaped(cell.text) + (f"\\textsuperscript{{{notes}}}" if notes else "")


def _notes(table: Table) -> list[str]:
    numbered = [f"\\textsuperscript{{{i}}} {_note(text)}" for i, text in enumerate(table.footnotes, start=1)]
    lines = [f"{note}\\par" for note in (*numbered, *map(_note, table.remarks))]
    start = ["\\par\\smallskip", "\\begin{minipage}{\\linewidth}\\footnotesize"]
    return [*start, *lines, "\\end{minipage}"] if lines else []


def _note(text: str) -> str:
    """With places where a path may be broken."""
    return escaped(text.rstrip(".")).replace("/", "/\\allowbreak{}") + "."


def escaped(text: str) -> str:
    """The text with every character that means something to LaTeX, or that it does not know, replaced."""
    return "".join(_token(match[0]) for match in TOKEN.finditer(MINUS.sub("−", " ".join(text.split()))))


def _token(token: str) -> str:
    if token in PAIRS or token in ESCAPED:
        return PAIRS.get(token) or ESCAPED[token]
    if token.isascii() or _is_latin(token):
        return token
    greek = GREEK.fullmatch(unicodedata.name(token, ""))
    return _greek(greek[1], greek[2].lower()) if greek else f"{{[}}U+{ord(token):04X}]"


def _is_latin(letter: str) -> bool:
    """Whether LaTeX has it in every font encoding: a Latin letter, perhaps with an accent."""
    base, *accents = unicodedata.normalize("NFD", letter)
    return letter in LETTERS or (base.isascii() and base.isalpha() and set(accents) <= ACCENTS)


def _greek(size: str, name: str) -> str:
    r"""E.g. $\varepsilon$; a capital that looks Latin has no command, so it is spelled out."""
    name = COMMANDS.get(name, name)
    if size == "SMALL":
        return f"${'o' if name == 'omicron' else chr(92) + name}$"
    return f"$\\{name.capitalize()}$" if name in CAPITALS else name.capitalize()
