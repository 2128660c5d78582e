"""What is missing from a row, and which of its numbers need a mark: footnotes that name the runs."""

from collections.abc import Iterable, Sequence

from bregman_exp.results.marks import SAID
from bregman_exp.results.table.columns import Chosen
from bregman_exp.results.table.notes import Footnotes
from bregman_exp.results.table.rows import Row
from bregman_exp.results.table.unfinished import Unfinished

MEANING = {
    "unreliable": "a check failed, so the true accuracy may be lower (docs/checks.md)",
    "degenerate": "a constant classifier",
}
Numbers = dict[int, list[int]]  # the place of a column -> the numbers of its footnotes


def missing_seeds(own: Sequence[int], others: Iterable[int], unfinished: Sequence[Unfinished]) -> str:
    """E.g. "not complete: seed 3 (failed: …; path); no run of seeds 4, 5"; "" for none."""
    told = []
    if unfinished:
        told.append(f"not complete: {', '.join(map(str, unfinished))}")
    absent = set(others) - set(own) - {run.seed for run in unfinished}
    if absent:
        seeds = f"seed{'s' if len(absent) > 1 else ''} {', '.join(map(str, sorted(absent)))}"
        told.append(f"no run of {seeds}, which other rows have")
    return "; ".join(told)


def marked_figures(name: str, row: Row, columns: Sequence[Chosen], notes: Footnotes) -> Numbers:
    """A footnote for each mark that the row's figures have, with the runs and columns."""
    numbers: Numbers = {}
    for verdict, word in SAID.items():
        places: list[int] = []
        told = []
        for run in row.runs:
            own = [
                (place, one, figure)
                for place, one in enumerate(columns)
                for figure in [row.figures(one.measures).get(run.seed)]
                if figure and figure.verdict == verdict
            ]
            places += [place for place, _, _ in own]
            ids = [
                one.column.id + (" (not reported)" if figure.accuracy is None else "")
                for _, one, figure in own
            ]
            told += [f"seed {run.seed} ({', '.join(ids)}; {run.path})"] if ids else []
        if told:
            number = notes.add(f"{word}: {MEANING[verdict]}: {name}, {', '.join(told)}")
            for place in dict.fromkeys(places):
                numbers.setdefault(place, []).append(number)
    return numbers


def missing_figures(name: str, row: Row, columns: Sequence[Chosen], notes: Footnotes) -> Numbers:
    """A footnote where seeds of the row were not evaluated with an attack of the table."""
    holes = {
        place: sorted(set(row.seeds) - set(row.figures(one.measures))) for place, one in enumerate(columns)
    }
    numbers: Numbers = {}
    for seeds in {tuple(missing) for missing in holes.values() if missing}:
        places = [place for place, missing in holes.items() if tuple(missing) == seeds]
        ids = ", ".join(columns[place].column.id for place in places)
        which = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        number = notes.add(f"{name}: {which} not evaluated with {ids}")
        numbers |= {place: [number] for place in places}
    return numbers
