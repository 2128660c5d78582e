"""What is said below a table of all of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd

from bregman_exp.analysis.names import Frame, short_code
from bregman_exp.analysis.published import ARTICLE_EPOCHS, ARTICLE_IMAGES, SOURCES
from bregman_exp.analysis.table.baseline import Baseline
from bregman_exp.analysis.table.columns import left_out
from bregman_exp.analysis.table.content import Column, Line
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.analysis.table.rows import Row
from bregman_exp.analysis.table.troubles import not_complete

PAIRED = (
    "one seed each: the interval is over the test samples that both networks saw (paired, Newcombe); it is "
    "about these two networks, not about their kinds"
)
NO_INTERVAL = "no interval where one of both has a single seed, or neither spreads"


class Assembled(Protocol):
    figures: Frame
    frame: Frame
    options: Options
    columns: list[Column]
    rows: list[Row]


def remarks(
    made: Assembled,
    chosen: Frame,
    lines: Sequence[Line],
    elsewhere: Frame,
    baselines: Mapping[str, Baseline],
    twice: Sequence[str],
) -> list[str]:
    """``elsewhere``: runs that are not complete and of other data; ``twice``: paths of runs not counted."""
    codes = set(made.figures["trained_with"]).union(*(column.codes for column in made.columns))
    dirty = sorted(short_code(code) for code in codes if code.endswith("-dirty"))
    others = left_out(made.figures, chosen)
    told = [*_of_baselines(baselines, lines, made.options), *_sources(made.rows[0], lines)]
    told += [] if elsewhere.empty else [f"not complete: {not_complete(elsewhere)}"]
    told += [f"there twice, counted once: {', '.join(twice)}"] if twice else []
    told += [f"{', '.join(dirty)}: with changes that no commit holds"] if dirty else []
    told += _evaluations_left_out(made.frame, chosen)
    return told + ([f"not shown (--attack ID): {', '.join(others)}"] if others else [])


def _of_baselines(baselines: Mapping[str, Baseline], lines: Sequence[Line], options: Options) -> list[str]:
    if not baselines and options.baseline == TWIN:
        return ["no row here has a twin, a standard row with all else the same"]
    if not baselines:
        return (
            []
            if options.baseline in (None, NO_BASELINE)
            else [f"no row here is the baseline {options.baseline}"]
        )
    one = next(iter(baselines.values()))
    meant = f"{one.name} ({one.why})" if one.why else one.name
    if options.baseline == TWIN:
        meant = "its twin, the standard row with all else the same"
    differences = [cell.difference for line in lines for cell in line.cells if cell.difference]
    return [
        f"difference: row − {meant}, in points, with its 95 % interval: unless a "
        "footnote says otherwise, t √(s²/n of the row + s²/n of the baseline) to either side, s over the "
        "n seeds, t with Welch's degrees of freedom; it speaks of other seeds, not of other test samples",
        *([NO_INTERVAL] if any(not one.ci95 for one in differences) else []),
    ]


def _sources(row: Row, lines: Sequence[Line]) -> list[str]:
    """Where the published figures come from, and what of them is not as in these runs."""
    published = [cell.published for line in lines for cell in line.cells if cell.published]
    about, sources = row.about, list(dict.fromkeys(figure["source"] for figure in published))
    told = [f"published: {SOURCES[source]}" for source in sources]
    for data in sorted({figure["data_there"] for figure in published} - {about["data"]}):
        told.append(f"the published figures are of {data}, these runs of {about['data']}")
    if "article" not in sources:
        return told
    if about["budget"] != str(ARTICLE_EPOCHS):
        told.append(f"the reference's recipe trains {ARTICLE_EPOCHS} epochs, these runs {about['budget']}")
    if not pd.isna(about["n_train"]) and about["n_train"] != ARTICLE_IMAGES:
        told.append(
            f"the reference's recipe trains on {ARTICLE_IMAGES:,} images, these runs on {about['n_train']:,}"
        )
    return told


def _evaluations_left_out(frame: Frame, chosen: Frame) -> list[str]:
    """By run, how many of its evaluations are of other weights, and which are not complete."""
    weights = chosen.drop_duplicates("run").set_index("run")["weights"]
    later = frame[frame["run"].isin(weights.index) & (frame["evaluation"] != "")].drop_duplicates(
        ["run", "evaluation"]
    )
    told = []
    for path, of_run in later.groupby("run", sort=False):
        complete = of_run["state"] == "complete"
        other = int((complete & (of_run["weights"] != weights[path])).sum())
        told += [f"{path}: {other} of its evaluations are of other weights"] if other else []
        told += [f"{path}: evaluation {name} is not complete" for name in of_run.loc[~complete, "evaluation"]]
    return told
