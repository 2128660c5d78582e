"""The results table: rows × accuracies over seeds, beside the published figures and a baseline.

``tables_of(frame, options)`` gives rows of cells with notes, ``render(tables, format)`` their text.
"""

from bregman_exp.analysis.table.content import Table as Table
from bregman_exp.analysis.table.layout import shown_figures as shown_figures
from bregman_exp.analysis.table.options import Options as Options
from bregman_exp.analysis.table.rendering import FORMATS as FORMATS
from bregman_exp.analysis.table.rendering import as_csv as as_csv
from bregman_exp.analysis.table.rendering import format_of as format_of
from bregman_exp.analysis.table.rendering import render as render
from bregman_exp.analysis.table.screen import on_terminal as on_terminal
from bregman_exp.analysis.table.tables import tables_of as tables_of
