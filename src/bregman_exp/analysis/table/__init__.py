"""The results table: rows × accuracies over seeds, beside the published figures and a baseline.

``tables_of(frame, options)`` gives frames of cells with notes; ``as_html(table)`` and its siblings give text.
"""

from bregman_exp.analysis.table.agreement import DifferingRunsError
from bregman_exp.analysis.table.columns import shown_figures
from bregman_exp.analysis.table.content import Table
from bregman_exp.analysis.table.options import Options, add_table_arguments, table_options
from bregman_exp.analysis.table.rendering import (
    FORMATS,
    as_cells,
    as_csv,
    as_html,
    as_latex,
    as_markdown,
    format_of,
    render,
)  # fmt: skip
from bregman_exp.analysis.table.screen import on_terminal
from bregman_exp.analysis.table.tables import comparable_tables, tables_of

__all__ = [
    "FORMATS", "DifferingRunsError", "Options", "Table", "add_table_arguments", "as_cells", "as_csv",
    "as_html", "as_latex", "as_markdown", "comparable_tables", "format_of", "on_terminal", "render",
    "shown_figures", "table_options", "tables_of",
]  # fmt: skip
