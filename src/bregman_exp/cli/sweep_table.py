"""The table of a sweep's runs, so far and at its end, to stderr."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.terminal import as_text, command

NEXT = ("table", "report")  # commands, with the folders of experiments


class TableSoFar:
    """Prints the table of the experiment's folder where a job completed a run."""

    def __init__(self) -> None:
        self.complete = 0

    def job_begins(self, config: DictConfig) -> None:
        self.complete = _complete_runs(_experiment_folder(config))

    def job_ended(self, config: DictConfig) -> None:
        folder = _experiment_folder(config)
        if _complete_runs(folder) == self.complete:
            return
        print(f"\n{_tables(find_runs(folder))}\n", file=sys.stderr)


def print_result(runs: Sequence[Path]) -> None:
    """Prints the table of these runs and the next commands, for the folders of their experiments."""
    folders = dict.fromkeys(str(run.parent.parent) for run in runs)
    commands = [f"    {_command(name)} {shlex.join(folders)}" for name in NEXT]
    print("\n".join(["", _tables(find_runs(*runs)), "", "next:", *commands]), file=sys.stderr)


def _command(name: str) -> str:
    """E.g. "bregman table" after "bregman train", "python scripts/table.py" after "python train.py"."""
    program, _, train = sys.argv[0].rpartition(" ")
    return f"{program} {name}" if train in ("train", "evaluate") else " ".join(command(name))


def _tables(runs: Sequence[RunFolder]) -> str:
    """The table as text, or several of runs that do not agree; or why there is none."""
    from bregman_exp.analysis.frame import fitting, read_results  # pandas takes half a second
    from bregman_exp.analysis.table import Options, on_terminal, tables_of

    try:
        frame = fitting(read_results(runs).frame)
        return as_text(on_terminal(tables_of(frame, Options())[0]))
    except (ValueError, OSError) as error:  # no complete run, damaged files
        return f"no table: {error}"


def _experiment_folder(config: DictConfig) -> Path:
    return Path(config.output_dir) / config.experiment_name


def _complete_runs(folder: Path) -> int:
    return sum(run.complete for run in find_runs(folder))
