"""The cells of a table: each row in each column, over its seeds, and what stands beside it."""

from statistics import mean, stdev

from bregman_exp.analysis.names import Facts, Frame, marks
from bregman_exp.analysis.table.baseline import NO_DIFFERENCE, difference
from bregman_exp.analysis.table.columns import SHOWN, records

PLACE = ["line", "column"]  # of a cell
OF_ROW = ["model", "act", "version", "weights", "row_hash", "epochs", "seeds", "missing", "failed"]
OF_COLUMN = ["id", "heading", "attack", "norm", "eps", "n", *SHOWN, "code"]
CELLS = [  # the columns of the frame of cells
    *("data", "fingerprint", "row", "baseline"), *OF_ROW, *OF_COLUMN,
    *("mean", "std", "n_seeds", "values", "marks"),
    *("published_mean", "published_std", "published_source"),
    *("difference", "ci95_low", "ci95_high", "interval", "difference_marks"),
    *("notes", "row_notes"), *PLACE,  # notes: numbers of footnotes
]  # fmt: skip


def statistics_of(figures: Frame) -> Frame:
    """By line and column, over the seeds: mean, sample standard deviation, values, verdicts; and facts of the
    first figure, which of a single seed is the only one."""
    reported = figures[figures["accuracy"].notna()]
    values = [f"{seed}:{float(x)!r}" for seed, x in zip(reported["seed"], reported["accuracy"], strict=True)]
    statistics = (
        reported.assign(value=values)
        .groupby(PLACE)
        .agg(
            mean=("accuracy", mean),
            std=("accuracy", lambda accuracies: stdev(accuracies) if len(accuracies) > 1 else None),
            n_seeds=("accuracy", "size"),
            values=("value", " ".join),
            accuracies=("accuracy", list),
            **{name: (name, "first") for name in ("run", "evaluation", "correct")},
        )
    )
    return figures.groupby(PLACE)["verdict"].agg(set).to_frame("verdicts").join(statistics.astype(object))


def cells_of(rows: Frame, columns: Frame, statistics: Frame, published: Frame) -> list[Facts]:
    """A dict for each row and column, of the facts in ``CELLS`` but the notes, and of what the notes need."""
    cells = rows.rename(columns={"row": "row_hash", "name": "row"})
    cells = cells[["line", "row", *OF_ROW, "gap", "baseline", "baseline_line"]]
    cells = cells.merge(columns[["column", "measure", *OF_COLUMN]], how="cross")
    cells = cells.merge(statistics, on=PLACE, how="left").merge(published, on=["line", "measure"], how="left")
    cells = cells.assign(**{name: rows[name].iloc[0] for name in ("data", "fingerprint")})
    by_place = {(cell["line"], cell["column"]): cell for cell in records(cells)}
    for cell in by_place.values():
        verdicts = cell["verdicts"] or set()
        without_figures = {"n_seeds": 0, "values": "", "marks": marks(verdicts), "verdicts": verdicts}
        cell |= without_figures | {name: cell[name] for name in ("n_seeds", "values") if cell[name]}
    for (_, column), cell in by_place.items():
        other = by_place.get((cell["baseline_line"], column), cell)
        cell |= difference(cell, other) if other is not cell else NO_DIFFERENCE
    return list(by_place.values())
