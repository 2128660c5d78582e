"""scripts/report.py: run folders, pictures of them, and the commands to repeat them become one page."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bregman_exp import build
from bregman_exp.cli.pictures import Album, draw_pictures
from bregman_exp.cli.repeat import preset_command, repeating_words, train_command
from bregman_exp.cli.sound import ConfigFaults
from bregman_exp.results import RunFolder
from bregman_exp.results.atomic import write_text
from bregman_exp.results.report import Command, ReportedRun, Sources, report_page, reported_runs, tables_for
from bregman_exp.results.table import Options

FEW = 6  # rows whose commands are shown at once


def write_report(
    folders: Sequence[RunFolder], output: Path, options: Options, *, made_by: str = "", pictures: bool = True
) -> None:
    """Writes the page; raises ValueErrors, in one sentence, for a table that cannot be what is asked.

    ``made_by``: the command line that asked for it.
    """
    runs = reported_runs(folders, options.weights, ConfigFaults())
    tables = tables_for(runs, options)
    by_row = _by_row(runs)
    print(f"{len(runs)} runs read{'; drawing pictures' if pictures else ''}", file=sys.stderr)
    with TemporaryDirectory() as place:
        album = _album(runs, Path(place)) if pictures else Album(Path(place))
        sources = Sources(
            pictures=album.pictures,
            missing=album.missing,
            commands=[*_training(runs, by_row), *_evaluating(runs), *_making(made_by)],
            by_row={name: _train("This row:", runs, name, words) for name, words in by_row.items()},
            checks=_checks(),
        )
        write_text(output, report_page(runs, tables, sources))


def _album(runs: Sequence[ReportedRun], place: Path) -> Album:
    """The pictures; of rows whose config this version does not read it says so."""
    trained = [run for run in runs if run.trained]
    first = {run.row: run.folder for run in reversed(trained)}
    unread = {row for row, folder in first.items() if not _is_read(folder)}
    album = draw_pictures([run.folder for run in trained if run.row not in unread], place)
    for row in dict.fromkeys(run.row for run in trained if run.row in unread):
        album.leave_out("all", "their config is of another version of this program", row)
    return album


def _is_read(folder: RunFolder) -> bool:
    try:
        build.stored_run(folder)
    except (ValueError, OSError):
        return False
    return True


def _by_row(runs: Sequence[ReportedRun]) -> dict[str, list[str]]:
    """Of each row, the words that train it again."""
    first = {run.row: run for run in reversed(runs)}
    words = {name: repeating_words(first[name].folder) for name in dict.fromkeys(run.row for run in runs)}
    return {name: of_row for name, of_row in words.items() if of_row}


def _train(does: str, runs: Sequence[ReportedRun], row: str, words: Sequence[str]) -> Command:
    seeds = [run.seed for run in runs if run.row == row and run.seed is not None]
    return Command(does, train_command(words, seeds or [0]))


def _training(runs: Sequence[ReportedRun], by_row: Mapping[str, Sequence[str]]) -> list[Command]:
    """The presets; the rows of an experiment that is none, where they are few."""
    experiments: dict[str, list[str]] = {}
    for run in {run.row: run for run in reversed(runs)}.values():
        if run.row in by_row:
            experiments.setdefault(run.experiment, []).insert(0, run.row)
    commands = []
    for name, rows in experiments.items():
        preset = preset_command([by_row[row] for row in rows])
        if preset:
            commands.append(Command(f"The whole experiment {name} (what is complete is skipped):", preset))
        elif len(rows) <= FEW:
            commands += [_train(f"{row}:", runs, row, by_row[row]) for row in rows]
    return commands


def _evaluating(runs: Sequence[ReportedRun]) -> list[Command]:
    """One run's for each suite that evaluate.py added."""
    added: dict[tuple[str, str], Path] = {}
    for run in runs:
        for evaluation in run.evaluations[1:]:
            suite = evaluation.record.get("suite") or evaluation.folder.rpartition("-")[0]
            added.setdefault((suite, evaluation.record["weights"]), run.folder.path)
    return [
        Command(
            f"The figures of attack={suite}, of each run in turn:",
            shlex.join(["python", "evaluate.py", f"run={place}", f"attack={suite}", f"weights={weights}"]),
        )
        for (suite, weights), place in added.items()
    ]


def _making(made_by: str) -> list[Command]:
    return [Command("This page:", made_by)] if made_by else []


def _checks() -> str:
    """docs/checks.md, of a checkout."""
    path = Path(__file__).parents[3] / "docs" / "checks.md"
    return path.read_text() if path.is_file() else ""
