"""The table of a sweep's runs, so far and at its end, to stderr."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.terminal import as_text


class TableSoFar:
    """Prints the table of the experiment's folder, as scripts/table.py does, where a job completed a run."""

    def __init__(self) -> None:
        self.complete = 0

    def job_begins(self, config: DictConfig) -> None:
        self.complete = _complete_runs(_experiment_folder(config))

    def job_ended(self, config: DictConfig) -> None:
        folder = _experiment_folder(config)
        if _complete_runs(folder) == self.complete:
            return
        try:
            text, _ = _text(find_runs(folder), split=False)
        except (ValueError, OSError) as error:  # runs that do not agree, damaged files
            text = f"no table so far: {error}"
        print(f"\n{text}\n", file=sys.stderr)


def print_result(runs: Sequence[Path]) -> None:
    """Prints the table of these runs, one for each kind where they do not agree, and the next commands."""
    try:
        text, tables = _text([RunFolder(run) for run in runs], split=True)
    except (ValueError, OSError) as error:
        text, tables = f"no table: {error}", 1
    folders = list(dict.fromkeys(str(run.parent.parent) for run in runs))
    split = ["--split"] if tables > 1 else []
    commands = (["scripts/table.py", *folders, *split], ["scripts/report.py", *folders])
    lines = [f"    {shlex.join(['python', *command])}" for command in commands]
    print("\n".join(["", text, "", "next:", *lines]), file=sys.stderr)


def _text(runs: Sequence[RunFolder], *, split: bool) -> tuple[str, int]:
    """The tables as text, and how many they are. Raises ValueError where there is none, or OSError."""
    from bregman_exp.analysis.frame import fitting, read_results  # pandas takes half a second
    from bregman_exp.analysis.table import Options, on_terminal, tables_of

    tables = tables_of(fitting(read_results(runs)).frame, Options(split=split))
    return as_text(on_terminal(tables)), len(tables)


def _experiment_folder(config: DictConfig) -> Path:
    return Path(config.output_dir) / config.experiment_name


def _complete_runs(folder: Path) -> int:
    return sum(run.complete for run in find_runs(folder))
