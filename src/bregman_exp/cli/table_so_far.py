"""The table while its sweep runs: after each job that completed a run."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from bregman_exp.runs import find_runs
from bregman_exp.terminal import as_text


class TableSoFar:
    """Prints what scripts/table.py prints of the experiment's folder, on stderr, with progress and log."""

    def __init__(self) -> None:
        self.complete = 0

    def job_begins(self, config: DictConfig) -> None:
        self.complete = _complete_runs(_folder(config))

    def job_ended(self, config: DictConfig) -> None:
        folder = _folder(config)
        if _complete_runs(folder) == self.complete:
            return
        from bregman_exp.analysis.frame import fitting, read_results  # pandas takes half a second
        from bregman_exp.analysis.table import on_terminal, tables_of

        try:
            frame = fitting(read_results(find_runs(folder))).frame
            shown = as_text(on_terminal(tables_of(frame)))
        except (ValueError, OSError) as error:  # runs that do not agree, damaged files
            shown = f"no table so far: {error}"
        print(f"\n{shown}\n", file=sys.stderr)


def _folder(config: DictConfig) -> Path:
    return Path(config.output_dir) / config.experiment_name


def _complete_runs(folder: Path) -> int:
    return sum(run.complete for run in find_runs(folder))
