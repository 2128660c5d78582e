"""The results tables of a report, or the sentence that says why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bregman_exp.results.report.runs import ReportedRun
from bregman_exp.results.table import DifferingRunsError, Options, Table, tables_of


@dataclass(frozen=True)
class Tables:
    """``remark``: in what the runs of several tables differ, or why there is no table; else ""."""

    tables: tuple[Table, ...]
    remark: str = ""

    @property
    def ids(self) -> list[str]:
        """Of all columns, clean first; a run's figures are looked up by them."""
        return list(dict.fromkeys(column.id for table in self.tables for column in table.columns))


def tables_for(runs: Sequence[ReportedRun], options: Options) -> Tables:
    """One table; where the runs do not agree, one for each kind.

    Raises ValueError, in one sentence, where no run has an attack that is asked for, and where no row is
    the baseline asked for.
    """
    whole = [run.folder for run in runs if run.state != "damaged"]
    if not any(run.trained for run in runs):
        return Tables((), "No run is complete, so there is nothing to tabulate.")
    try:
        return Tables(tuple(tables_of(whole, replace(options, split=False))))
    except DifferingRunsError as error:
        tables = tuple(tables_of(whole, replace(options, split=True)))
        return Tables(tables, f"The runs do not share one table: they differ in {error.differing}.")
