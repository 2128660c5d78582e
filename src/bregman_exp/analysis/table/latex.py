"""A table as LaTeX, for the inside of a table environment; it needs the package booktabs."""

import re
import unicodedata

from bregman_exp.analysis.table.content import Table, Text

ESCAPED = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    # after the end of a line these two would be read as its argument
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "−": "$-$",
    "∞": r"$\infty$",
    "—": "---",
    "–": "--",
    "“": "``",
    "”": "''",
    "…": r"\dots{}",
    "×": r"$\times$",
    "√": r"$\surd$",
    "²": "$^2$",
}
WORDS = {"ℓ∞": r"$\ell_\infty$", "ℓ2": r"$\ell_2$", "--": "-{}-"}
LETTERS = "ßæÆøØœŒłŁ"
ACCENTS = set("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
MINUS = re.compile(r"(?<![\w-])-(?=\d)")  # a hyphen before a figure
TOKEN = re.compile("ℓ∞|ℓ2|--|.", re.DOTALL)


def as_latex(table: Table) -> str:
    r"""\caption, a tabular with booktabs rules, and the footnotes below it."""
    columns = "lr" + "".join("r" * len(parts) for _, parts in table.groups)
    lines = [
        "% inside \\begin{table} ... \\end{table}; needs \\usepackage{booktabs}",
        f"\\caption{{{escaped(table.caption)}}}",
        "\\centering",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        *_head(table),
        "\\midrule",
        *(" & ".join(map(_cell, line)) + " \\\\" for line in table.texts),
        "\\bottomrule",
        "\\end{tabular}",
        *_notes(table),
    ]
    return "\n".join(lines) + "\n"


def _head(table: Table) -> list[str]:
    """The columns, and where something stands beside an accuracy, a second line that says what."""
    groups = [f"\\multicolumn{{{len(parts)}}}{{c}}{{{escaped(heading)}}}" for heading, parts in table.groups]
    first = " & ".join(["row", "seeds", *groups]) + " \\\\"
    if all(len(parts) == 1 for _, parts in table.groups):
        return [first]
    rules, start = "", 3
    for _, parts in table.groups:
        end = start + len(parts) - 1
        rules += f"\\cmidrule(lr){{{start}-{end}}}" if end > start else ""
        start = end + 1
    names = [part for _, parts in table.groups for part in parts]
    return [first, rules, " & ".join(["", "", *names]) + " \\\\"]


def _cell(cell: Text) -> str:
    notes = ",".join(map(str, cell.notes))
    return escaped(cell.text) + (f"\\textsuperscript{{{notes}}}" if notes else "")


def _notes(table: Table) -> list[str]:
    numbered = [f"\\textsuperscript{{{i}}} {_note(text)}" for i, text in enumerate(table.footnotes, start=1)]
    told = [*numbered, *map(_note, table.remarks)]
    if not told:
        return []
    return [
        "\\par\\smallskip",
        "\\begin{minipage}{\\linewidth}\\footnotesize",
        *(f"{note}\\par" for note in told),
        "\\end{minipage}",
    ]


def _note(text: str) -> str:
    """With places where a path may be broken."""
    return escaped(text.rstrip(".")).replace("/", "/\\allowbreak{}") + "."


def escaped(text: str) -> str:
    """The text with every character that means something to LaTeX, or that it does not know, replaced."""
    return "".join(_token(match[0]) for match in TOKEN.finditer(MINUS.sub("−", " ".join(text.split()))))


def _token(token: str) -> str:
    if token in WORDS or token in ESCAPED:
        return WORDS.get(token) or ESCAPED[token]
    if token.isascii() or _is_known(token):
        return token
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(token, ""))
    if greek:
        return _greek(greek[1], greek[2].lower())
    return f"{{[}}U+{ord(token):04X}]"


def _is_known(letter: str) -> bool:
    """Whether LaTeX has it in every font encoding: a Latin letter, perhaps with an accent."""
    base, *accents = unicodedata.normalize("NFD", letter)
    return letter in LETTERS or (base.isascii() and base.isalpha() and set(accents) <= ACCENTS)


def _greek(size: str, name: str) -> str:
    r"""E.g. $\varepsilon$; a capital that looks Latin has no command, so it is spelled out."""
    name = {"epsilon": "varepsilon", "lamda": "lambda", "final": "varsigma"}.get(name, name)
    if size == "SMALL":
        return f"${'o' if name == 'omicron' else chr(92) + name}$"
    known = ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
    return f"$\\{name.capitalize()}$" if name in known else name.capitalize()
