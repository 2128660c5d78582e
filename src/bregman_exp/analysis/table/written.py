"""Tables as text: Markdown, HTML, and CSV of the cells; and which format a file's ending stands for."""

import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.names import Frame
from bregman_exp.analysis.published import SOURCES
from bregman_exp.analysis.table.content import Cell, Column, Line, Table, Text
from bregman_exp.analysis.table.latex import as_latex
from bregman_exp.analysis.table.screen import on_terminal
from bregman_exp.terminal import as_text

# what means something in a cell or a line; an underscore does at a word's edge only
MARKDOWN = re.compile(r"[\\|*`<>~$]|(?<!\w)_|_(?!\w)|(?<=\])\(|^#|!(?=\[)")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one begins in a spreadsheet


def as_markdown(table: Table) -> str:
    """Caption, table, footnotes, in the dialect that knows tables."""
    headings = [
        f"{heading}: {part}" if part else heading for heading, parts in table.groups for part in parts
    ]
    rule = ["---", *["---:"] * (len(headings) + 1)]
    lines = [["row", "seeds", *headings], rule, *([str(text) for text in line] for line in table.texts)]
    body = "\n".join("| " + " | ".join(map(_plain, line)) + " |" for line in lines)
    return "\n\n".join([_plain(table.caption), body, *map(_plain, table.numbered)]) + "\n"


def _plain(text: str) -> str:
    return MARKDOWN.sub(lambda match: "\\" + match[0], " ".join(text.split()))


def as_html(table: Table) -> str:
    """A <figure>: the caption, the table in a box that may scroll, the list of its footnotes."""
    numbered = "".join(f"<li>{escape(note)}</li>" for note in table.footnotes)
    parts = [
        '<figure class="results-table">',
        f"<figcaption>{escape(table.caption)}</figcaption>",
        '<div class="scroll" role="region" aria-label="results" tabindex="0">',  # wider than a narrow screen
        "<table>",
        f"<thead>{_html_head(table)}</thead>",
        "<tbody>",
        *map(_html_row, table.texts),
        "</tbody>",
        "</table>",
        "</div>",
        *([f"<ol>{numbered}</ol>"] if numbered else []),
        *(f'<p class="remark">{escape(remark)}</p>' for remark in table.remarks),
        "</figure>",
    ]
    return "\n".join(parts) + "\n"


def _html_head(table: Table) -> str:
    """Two lines of headings where something stands beside an accuracy."""
    two = any(len(parts) > 1 for _, parts in table.groups)
    span = ' rowspan="2"' if two else ""
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(parts)}">{escape(heading)}</th>'
        for heading, parts in table.groups
    )
    first = f'<tr><th scope="col"{span}>row</th><th scope="col"{span}>seeds</th>{groups}</tr>'
    names = (part for _, parts in table.groups for part in parts)
    second = "".join(f'<th scope="col">{escape(part or "accuracy")}</th>' for part in names)
    return first + (f"<tr>{second}</tr>" if two else "")


def _html_row(line: Sequence[Text]) -> str:
    cells = "".join(f'<td class="number">{_html_cell(text)}</td>' for text in line[1:])
    return f'<tr><th scope="row">{_html_cell(line[0])}</th>{cells}</tr>'


def _html_cell(text: Text) -> str:
    notes = ", ".join(map(str, text.notes))
    return escape(text.text) + (f"<sup>{notes}</sup>" if notes else "")


def as_cells(tables: Sequence[Table]) -> str:
    """CSV, a line for each row and column of each table. Accuracies, deviations, differences and their ends
    are fractions, also the published ones; ε in [0, 1].

    ``values``: accuracy by seed, "0:0.98 1:0.97"; ``seeds``, ``missing`` and ``failed``: seeds of the row;
    ``n_seeds``: those with a figure here; ``interval``: Welch, paired, or nothing.
    """
    cells = [
        {"table": number, "data": table.data, "fingerprint": table.fingerprint}
        | (_of_line(line) | _of_column(column) | _of_cell(cell))
        for number, table in enumerate(tables, start=1)
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
    ]
    return as_csv(pd.DataFrame(cells, dtype=object))


def as_csv(frame: Frame) -> str:
    """Text that a spreadsheet would take for a formula comes with an apostrophe in front."""
    columns = {name: [_defused(value) for value in frame[name]] for name in frame}
    return pd.DataFrame(columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _of_line(line: Line) -> dict[str, Any]:
    names = ("baseline", "model", "act", "version", "weights")
    seeds = {
        "seeds": line.seeds,
        "missing": sorted(set(line.expected) - set(line.seeds)),
        "failed": line.failed,
    }
    facts = {"row": line.name} | {name: getattr(line, name) for name in names} | {"row_hash": line.row}
    facts |= {"epochs": line.epochs}
    return facts | {name: " ".join(map(str, several)) for name, several in seeds.items()}


def _of_column(column: Column) -> dict[str, Any]:
    told = {name: getattr(column, name) for name in ("id", "heading", "attack", "norm", "eps", "n")}
    settings = ("steps", "restarts", "rel_step", "loss")
    return told | {name: column.settings.get(name) for name in settings} | {"code": " ".join(column.codes)}


def _of_cell(cell: Cell) -> dict[str, Any]:
    published, difference = cell.published, cell.difference
    ends = difference.ci95 if difference and difference.ci95 else (None, None)
    spread = published.get("std")
    return {
        "mean": cell.mean,
        "std": cell.std,
        "n_seeds": len(cell.by_seed),
        "values": " ".join(f"{seed}:{value!r}" for seed, value in cell.by_seed.items()),
        "marks": cell.marked,
        "published_mean": round(published["mean"] / 100, 6) if published else None,
        "published_std": None if spread is None else round(spread / 100, 6),
        "published_source": SOURCES.get(published.get("source", "")),
        "difference": difference and difference.value,
        "ci95_low": ends[0],
        "ci95_high": ends[1],
        "interval": difference and difference.by,
        "difference_marks": difference and difference.marked,
    }


EACH: dict[str, Callable[[Table], str]] = {"markdown": as_markdown, "latex": as_latex, "html": as_html}
ENDINGS = {".md": "markdown", ".tex": "latex", ".html": "html", ".htm": "html", ".csv": "csv"} | {
    ".parquet": "parquet",
    ".pq": "parquet",
}
FORMATS = ("terminal", *EACH, "cells", "csv", "parquet")


def written(tables: Sequence[Table], format_: str) -> str:
    """The text of all tables; ``format_`` is "terminal", "markdown", "latex", "html" or "cells"."""
    if format_ == "cells":
        return as_cells(tables)
    if format_ == "terminal":
        return as_text(on_terminal(tables)) + "\n"
    return "\n".join(EACH[format_](table) for table in tables)


def format_of(path: Path | None) -> str:
    """What a file's ending stands for; else the terminal's."""
    return ENDINGS.get(path.suffix.lower(), "terminal") if path else "terminal"
