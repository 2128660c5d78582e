"""Tables as text: for the terminal, in Markdown, LaTeX, HTML, and CSV of the cells."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.names import Frame
from bregman_exp.analysis.table.content import CELLS, Table
from bregman_exp.analysis.table.screen import on_terminal
from bregman_exp.terminal import as_text

# what means something in a cell or a line; an underscore does at a word's edge only
MARKDOWN = re.compile(r"[\\|*`<>~$]|(?<!\w)_|_(?!\w)|(?<=\])\(|^#|!(?=\[)")
ESCAPED = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "—": "---",
    "–": "--", "“": "``", "”": "''", '"': "''", "…": r"\dots{}", "×": r"$\times$", "√": r"$\surd$",
    "²": "$^2$", "ℓ∞": r"$\ell_\infty$", "ℓ2": r"$\ell_2$", "--": "-{}-",
    "[": "{[}", "*": "{*}",  # after the end of a line these two would be read as its argument
}  # fmt: skip
LETTERS = "ßæÆøØœŒłŁ"
ACCENTS = set("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
MINUS = re.compile(r"(?<![\w-])-(?=\d)")  # a hyphen before a figure
TOKEN = re.compile("ℓ∞|ℓ2|--|.", re.DOTALL)
GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
COMMANDS = {"epsilon": r"\varepsilon", "lamda": r"\lambda", "omicron": "o"}  # others have their Unicode name
CAPITALS = ("gamma", "delta", "theta", "lamda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one begins in a spreadsheet
OF_SEEDS = ("seeds", "missing", "failed")  # parts of a cell that are lists
# the template of each format, and its syntax: braces are LaTeX's own
TEMPLATES: dict[str, tuple[str, dict[str, Any]]] = {
    "markdown": ("table.md", {}),
    "latex": (
        "table.tex",
        {
            **{"variable_start_string": "<<", "variable_end_string": ">>"},
            **{"block_start_string": "<%", "block_end_string": "%>"},
        },
    ),
    "html": ("table.html", {"autoescape": True}),
}
FORMATS = ("terminal", *TEMPLATES, "cells", "csv", "parquet")
ENDINGS = {
    **{"md": "markdown", "tex": "latex", "html": "html", "htm": "html"},
    **{"csv": "csv", "parquet": "parquet", "pq": "parquet"},
}


def render(tables: Sequence[Table], format_: str) -> str:
    """The text of all tables.

    "terminal"; "markdown"; "latex": the inside of a table environment, with booktabs rules; "html": a
    <figure> each; "cells": CSV, a line for each row and column of each table, see ``Table``.
    """
    if format_ == "cells":
        lines = [
            cell | {"table": number} | {name: " ".join(map(str, cell[name])) for name in OF_SEEDS}
            for number, table in enumerate(tables, start=1)
            for row in table.rows
            for cell in row
        ]
        return as_csv(pd.DataFrame(lines, columns=["table", *CELLS], dtype=object))
    if format_ == "terminal":
        return as_text(on_terminal(tables)) + "\n"
    from jinja2 import Environment, FileSystemLoader  # other formats do not wait for it

    name, syntax = TEMPLATES[format_]
    spaces = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), **spaces, **syntax)
    environment.filters |= {"plain": _plain, "tex": _latex, "tex_note": _latex_note}
    template = environment.get_template(name)
    return "\n".join(
        template.render(table=table, two_lines=any(len(parts) > 1 for _, parts in table.groups))
        for table in tables
    )


def _plain(text: str) -> str:
    """The text in one line, with every character that means something to Markdown escaped."""
    return MARKDOWN.sub(lambda match: "\\" + match[0], " ".join(text.split()))


def as_csv(frame: Frame) -> str:
    """Text that a spreadsheet would take for a formula comes with an apostrophe in front."""
    columns = {name: [_defused(value) for value in frame[name]] for name in frame}
    return pd.DataFrame(columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def format_of(path: Path | None) -> str:
    """What a file's ending stands for; else the terminal's."""
    return ENDINGS.get(path.suffix.lower().removeprefix("."), "terminal") if path else "terminal"


def _latex(text: str) -> str:
    """The text with every character that means something to LaTeX, or that it does not know, replaced."""
    return TOKEN.sub(lambda token: _token(token[0]), MINUS.sub("−", " ".join(text.split())))


def _latex_note(text: str) -> str:
    """A sentence, with places where a path may be broken."""
    return _latex(text.rstrip(".")).replace("/", "/\\allowbreak{}") + "."


def _token(token: str) -> str:
    if token in ESCAPED:
        return ESCAPED[token]
    if token.isascii() or _is_latin(token):
        return token
    greek = GREEK.fullmatch(unicodedata.name(token, ""))
    return _greek(greek[1], greek[2].lower()) if greek else f"{{[}}U+{ord(token):04X}]"


def _is_latin(letter: str) -> bool:
    """Whether LaTeX has it in every font encoding: a Latin letter, perhaps with an accent."""
    base, *accents = unicodedata.normalize("NFD", letter)
    return letter in LETTERS or (base.isascii() and base.isalpha() and set(accents) <= ACCENTS)


def _greek(case: str, name: str) -> str:
    r"""E.g. $\varepsilon$; a capital that looks Latin has no command, so it is spelled out."""
    if case == "SMALL":
        return f"${COMMANDS.get(name, chr(92) + name)}$"
    name_in_latex = name.replace("lamda", "lambda").capitalize()
    return f"$\\{name_in_latex}$" if name in CAPITALS else name_in_latex
