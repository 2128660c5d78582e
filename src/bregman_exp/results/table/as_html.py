"""A table as a fragment of HTML."""

from html import escape

from bregman_exp.results.table.content import Table
from bregman_exp.results.table.grid import Grid, Text, grid


def as_html(table: Table) -> str:
    """A <figure>: the caption, the table in a box that may scroll, the list of its footnotes."""
    shown = grid(table)
    body = [_row(line) for line in shown.lines]
    parts = [
        '<figure class="results-table">',
        f"<figcaption>{escape(table.caption)}</figcaption>",
        '<div class="scroll" role="region" aria-label="results" tabindex="0">',  # wider than a narrow screen
        "<table>",
        f"<thead>{_head(shown)}</thead>",
        "<tbody>",
        *body,
        "</tbody>",
        "</table>",
        "</div>",
        *_notes(table),
        "</figure>",
    ]
    return "\n".join(parts) + "\n"


def _head(shown: Grid) -> str:
    """Two lines of headings: the columns, and what stands in each of their parts."""
    two = any(len(group.parts) > 1 for group in shown.groups)
    span = ' rowspan="2"' if two else ""
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(group.parts)}">{escape(group.heading)}</th>'
        for group in shown.groups
    )
    first = f'<tr><th scope="col"{span}>row</th><th scope="col"{span}>seeds</th>{groups}</tr>'
    parts = (part for group in shown.groups for part in group.parts)
    second = "".join(f'<th scope="col">{escape(part or "accuracy")}</th>' for part in parts)
    return first + (f"<tr>{second}</tr>" if two else "")


def _row(line: tuple[Text, ...]) -> str:
    cells = "".join(f'<td class="number">{_cell(cell)}</td>' for cell in line[1:])
    return f'<tr><th scope="row">{_cell(line[0])}</th>{cells}</tr>'


def _cell(cell: Text) -> str:
    return escape(cell.text) + (f"<sup>{', '.join(map(str, cell.notes))}</sup>" if cell.notes else "")


def _notes(table: Table) -> list[str]:
    numbered = "".join(f"<li>{escape(note)}</li>" for note in table.footnotes)
    return [
        *([f"<ol>{numbered}</ol>"] if numbered else []),
        *(f'<p class="remark">{escape(remark)}</p>' for remark in table.remarks),
    ]
