"""From run folders to tables: read, see that they agree, group into rows, compare, say what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bregman_exp.results.published import ARTICLE, ARTICLE_EPOCHS, ARTICLE_IMAGES, Published, published_figure
from bregman_exp.results.run_folder import RunFolder
from bregman_exp.results.stored_config import StoredConfig, stored_config
from bregman_exp.results.table.agreement import agreeing
from bregman_exp.results.table.baseline import Baseline, difference, find_baselines, no_such_row
from bregman_exp.results.table.caption import caption
from bregman_exp.results.table.columns import Chosen, choose_columns, left_out
from bregman_exp.results.table.content import Cell, Line, Table
from bregman_exp.results.table.names import row_names
from bregman_exp.results.table.notes import Footnotes
from bregman_exp.results.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.results.table.rows import Row, grouped
from bregman_exp.results.table.trained_run import TrainedRun, read_record, read_run, short_code
from bregman_exp.results.table.troubles import marked_figures, missing_figures, missing_seeds
from bregman_exp.results.table.unfinished import Unfinished, belonging, data_of, unfinished_run

PAIRED = (
    "one seed each: the interval is over the test samples that both networks saw (paired, Newcombe); it is "
    "about these two networks, not about their kinds"
)
NO_INTERVAL = "no interval where one of both has a single seed, or neither spreads"


def tables_of(runs: Iterable[RunFolder], options: Options | None = None) -> list[Table]:
    """One table of these runs, or with ``options.split`` one for each kind of runs that do not agree.

    Raises ValueError, in one sentence, where the runs do not agree and are not to be split, where none is
    complete, where no run has an attack that is asked for, and where no row is the baseline asked for;
    NotARunError where a file is damaged.
    """
    options = options or Options()
    folders = _once(runs)
    complete = _trained([folder for folder in folders if folder.complete], options)
    unfinished = [unfinished_run(folder) for folder in folders if not folder.complete]
    _check_there(complete, unfinished, options)
    parts = agreeing(complete, options)
    homes = _homes(unfinished, parts)
    tables = [
        _table(part, [u for u, home in zip(unfinished, homes, strict=True) if home == index], options)
        for index, part in enumerate(parts)
    ]
    asked = options.baseline
    if asked not in (None, NO_BASELINE, TWIN) and not any(table.baseline for table in tables):
        raise no_such_row(asked, [line.name for table in tables for line in table.lines if line.seeds])
    return tables


def _once(runs: Iterable[RunFolder]) -> list[RunFolder]:
    """Every folder once, however its path is written."""
    by_place: dict[Path, RunFolder] = {}
    for run in runs:
        by_place.setdefault(run.path.resolve(), run)
    return list(by_place.values())


def _trained(folders: Sequence[RunFolder], options: Options) -> list[TrainedRun]:
    configs: dict[str, StoredConfig] = {}  # one of a row says what all of it say, and YAML is slow
    trained = []
    for folder in folders:
        record = read_record(folder)
        if record["row_hash"] not in configs:
            configs[record["row_hash"]] = stored_config(folder)
        run = read_run(folder, record, configs[record["row_hash"]], options.weights)
        trained += [run] if run else []
    return trained


def _check_there(complete: Sequence[TrainedRun], unfinished: Sequence[Unfinished], options: Options) -> None:
    if not complete and options.weights:
        raise ValueError(
            f"no complete run has figures of its {options.weights} weights; evaluate them first."
        )
    if not complete:
        failed = sum(bool(run.failure) for run in unfinished)
        raise ValueError(
            f"none of {len(unfinished)} runs is complete ({failed} failed); train or finish one first."
        )
    there = {m.id for run in complete for m in run.figures if m.id != "clean"}
    for attack in options.attacks:
        if attack and not any(name.startswith(attack) for name in there):
            raise ValueError(
                f"no complete run has an attack whose id starts with {attack!r}; there are: "
                f"{', '.join(sorted(there)) or 'none'}."
            )


def _homes(unfinished: Iterable[Unfinished], parts: Sequence[Sequence[TrainedRun]]) -> list[int]:
    """The table each belongs to: that of its row, else one of its data and epochs, else the first."""
    rows = [list({run.record["row_hash"]: run.config for run in part}.values()) for part in parts]
    homes = []
    for one in unfinished:
        ways = (
            [i for i, configs in enumerate(rows) if any(belonging([one], config) for config in configs)],
            [i for i, part in enumerate(parts) if data_of(part[0].config) == data_of(one.config)],
        )
        homes.append(next((found[0] for found in ways if found), 0))
    return homes


def _table(runs: Sequence[TrainedRun], unfinished: Sequence[Unfinished], options: Options) -> Table:
    columns = choose_columns(runs, options)
    rows = grouped(runs)
    by_name = dict(sorted(zip(row_names(rows), rows, strict=True), key=lambda pair: _order(*pair)))
    baselines = find_baselines(by_name, options.baseline)
    same = {baseline.name for baseline in baselines.values()}
    notes = Footnotes()
    seeds = sorted({seed for row in rows for seed in row.seeds})
    lines = [
        _line(name, row, columns, baselines.get(name), seeds, belonging(unfinished, row.config), notes)
        for name, row in by_name.items()
    ]
    placed = {id(one) for row in rows for one in belonging(unfinished, row.config)}
    homeless = [one for one in unfinished if id(one) not in placed]
    alike = [one for one in homeless if one.config and data_of(one.config) == data_of(rows[0].config)]
    lines += _empty_lines(alike, len(columns), seeds, notes)
    elsewhere = [one for one in homeless if one not in alike]
    return Table(
        caption=caption(list(by_name.values()), [one.column for one in columns], options),
        columns=tuple(one.column for one in columns),
        lines=tuple(lines),
        footnotes=tuple(notes.texts),
        remarks=tuple(_remarks(runs, rows, columns, lines, elsewhere, baselines, options)),
        baseline=next(iter(same)) if len(same) == 1 else "",
        data=runs[0].label,
        fingerprint=runs[0].fingerprint,
    )


def _order(name: str, row: Row) -> tuple[Any, ...]:
    """By model and activation, then by depth, as numbers."""
    record = row.first.record
    return record["model"], record["act"], row.config.get("model.depth", 0), name


def _line(
    name: str,
    row: Row,
    columns: Sequence[Chosen],
    baseline: Baseline | None,
    seeds: Sequence[int],
    unfinished: Sequence[Unfinished],
    notes: Footnotes,
) -> Line:
    missing = missing_seeds(row.seeds, seeds, unfinished)
    whole = [notes.add(f"{name}: {missing}")] if missing else []
    cells = [_cell(name, row, one, baseline, notes) for one in columns]
    marks = marked_figures(name, row, columns, notes)
    holes = missing_figures(name, row, columns, notes)
    cells = [
        replace(cell, notes=(*whole, *cell.notes, *marks.get(i, ()), *holes.get(i, ())))
        for i, cell in enumerate(cells)
    ]
    first = row.first
    known = {run.seed for run in unfinished if run.seed is not None}
    return Line(
        name,
        *(first.record["model"], first.record["act"], first.version, first.record["weights"]),
        *(first.record["row_hash"], row.epochs, row.seeds),
        expected=tuple(sorted({*seeds, *known})),
        failed=_failed(unfinished, row.seeds),
        cells=tuple(cells),
        notes=tuple(whole),
        baseline=baseline.name if baseline else "",
    )


def _failed(unfinished: Iterable[Unfinished], complete: Sequence[int]) -> tuple[int, ...]:
    """The seeds that failed and are nowhere complete."""
    return tuple(sorted({u.seed for u in unfinished if u.failure and u.seed is not None} - set(complete)))


def _cell(name: str, row: Row, chosen: Chosen, baseline: Baseline | None, notes: Footnotes) -> Cell:
    cell = row.cell(chosen.measures)
    published = _published(row.first, chosen)
    told = []
    if baseline and row is not baseline.row:
        found, wrong = difference(row, baseline.row, chosen)
        cell = replace(cell, difference=found)
        told += [notes.add(PAIRED)] if found and found.by == "paired" else []
        told += [notes.add(f"{name}: no interval beside the baseline: {wrong}")] if wrong else []
    if published and published.remark:
        told.append(notes.add(published.remark))
    return replace(cell, published=published, notes=tuple(told))


def _published(run: TrainedRun, chosen: Chosen) -> Published | None:
    record, measure = run.record, chosen.published_as
    if run.record["weights"] != "last":  # the reference evaluates these
        return None
    return published_figure(measure, record["model"], record["act"], run.label, run.config)


def _empty_lines(
    unfinished: Sequence[Unfinished], columns: int, seeds: Sequence[int], notes: Footnotes
) -> list[Line]:
    """A line for each row of which no run is complete."""
    by_name: dict[tuple[str, str, str], list[Unfinished]] = {}
    for one in unfinished:
        by_name.setdefault((one.name, one.model, one.act), []).append(one)
    lines = []
    for (name, model, act), runs in by_name.items():
        own = {run.seed for run in runs if run.seed is not None}
        number = notes.add(f"{name}: {missing_seeds((), seeds, runs)}")
        cells = (Cell({}, 0, "", (number,)),) * columns
        facts = (name, model, act, "", "", "", "", ())
        lines.append(Line(*facts, tuple(sorted({*seeds, *own})), _failed(runs, ()), cells, (number,)))
    return lines


def _remarks(
    runs: Sequence[TrainedRun],
    rows: Sequence[Row],
    columns: Sequence[Chosen],
    lines: Sequence[Line],
    elsewhere: Sequence[Unfinished],
    baselines: Mapping[str, Baseline],
    options: Options,
) -> list[str]:
    cells = [cell for line in lines for cell in line.cells]
    twice = _second(runs, rows)
    told = []
    if baselines:
        told.append(
            f"difference: row − {_meant(baselines, options)}, in points, with its 95 % interval: unless a "
            "footnote says otherwise, t √(s²/n of the row + s²/n of the baseline) to either side, s over the "
            "n seeds, t with Welch's degrees of freedom; it speaks of other seeds, not of other test samples"
        )
        lone = any(cell.difference and not cell.difference.ci95 for cell in cells)
        told += [NO_INTERVAL] if lone else []
    elif options.baseline == TWIN:
        told.append("no row here has a twin, a standard row with all else the same")
    elif options.baseline not in (None, NO_BASELINE):
        told.append(f"no row here is the baseline {options.baseline}")
    told += _sources(runs[0], [cell.published for cell in cells if cell.published])
    told += [f"not complete: {', '.join(map(str, elsewhere))}"] if elsewhere else []
    told += [f"there twice, counted once: {', '.join(twice)}"] if twice else []
    codes = {run.code for run in runs}.union(*(one.column.codes for one in columns))
    dirty = sorted(short_code(code) for code in codes if code.endswith("-dirty"))
    told += [f"{', '.join(dirty)}: with changes that no commit holds"] if dirty else []
    told += [f"{run.path}: {remark}" for run in runs for remark in run.remarks]
    others = left_out(runs, columns)
    told += [f"not shown (--attack ID): {', '.join(others)}"] if others else []
    return told


def _meant(baselines: Mapping[str, Baseline], options: Options) -> str:
    """What stands for the baseline in words."""
    if options.baseline == TWIN:
        return "its twin, the standard row with all else the same"
    baseline = next(iter(baselines.values()))
    return f"{baseline.name} ({baseline.why})" if baseline.why else baseline.name


def _sources(run: TrainedRun, published: Sequence[Published]) -> list[str]:
    """Where the published figures come from, and what of them is not as in these runs."""
    told = [f"published: {source}" for source in dict.fromkeys(figure.source for figure in published)]
    others = {figure.data for figure in published} - {run.label}
    told += [f"the published figures are of {data}, these runs of {run.label}" for data in sorted(others)]
    article = any(figure.source == ARTICLE for figure in published)
    if article and run.budget != str(ARTICLE_EPOCHS):
        told.append(f"the reference's recipe trains {ARTICLE_EPOCHS} epochs, these runs {run.budget}")
    images = run.record["dataset"].get("n_train", ARTICLE_IMAGES)
    if article and images != ARTICLE_IMAGES:
        told.append(f"the reference's recipe trains on {ARTICLE_IMAGES:,} images, these runs on {images:,}")
    return told


def _second(runs: Sequence[TrainedRun], rows: Sequence[Row]) -> list[str]:
    """The paths of runs whose row has their seed from elsewhere."""
    counted = {id(run) for row in rows for run in row.runs}
    return [run.path for run in runs if id(run) not in counted]
