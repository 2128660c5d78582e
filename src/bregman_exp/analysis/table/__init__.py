"""The results table: rows × accuracies over seeds, beside the published figures and a baseline.

``tables_of(frame, options)`` gives plain data; ``as_html(table)`` and its siblings give text.
"""

from bregman_exp.analysis.table.agreement import DifferingRunsError as DifferingRunsError
from bregman_exp.analysis.table.assemble import tables_of as tables_of
from bregman_exp.analysis.table.columns import shown_figures as shown_figures
from bregman_exp.analysis.table.content import Cell as Cell
from bregman_exp.analysis.table.content import Column as Column
from bregman_exp.analysis.table.content import Difference as Difference
from bregman_exp.analysis.table.content import Line as Line
from bregman_exp.analysis.table.content import Table as Table
from bregman_exp.analysis.table.latex import as_latex as as_latex
from bregman_exp.analysis.table.options import NO_BASELINE as NO_BASELINE
from bregman_exp.analysis.table.options import Options as Options
from bregman_exp.analysis.table.options import add_table_words as add_table_words
from bregman_exp.analysis.table.options import table_options as table_options
from bregman_exp.analysis.table.screen import as_terminal as as_terminal
from bregman_exp.analysis.table.screen import on_terminal as on_terminal
from bregman_exp.analysis.table.written import FORMATS as FORMATS
from bregman_exp.analysis.table.written import as_cells as as_cells
from bregman_exp.analysis.table.written import as_csv as as_csv
from bregman_exp.analysis.table.written import as_html as as_html
from bregman_exp.analysis.table.written import as_markdown as as_markdown
from bregman_exp.analysis.table.written import format_of as format_of
from bregman_exp.analysis.table.written import written as written
