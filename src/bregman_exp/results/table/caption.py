"""What a table must say of itself: data, samples, epochs, code, attacks and their ε."""

from collections.abc import Iterable, Sequence

from bregman_exp.results.published import is_fitted
from bregman_exp.results.table.columns import NORMS
from bregman_exp.results.table.content import Column
from bregman_exp.results.table.options import Options
from bregman_exp.results.table.rows import Row
from bregman_exp.results.table.trained_run import short_code

POINTS = "two-spiral"  # not images: 255ths mean nothing
FITTED = (
    "The ε of the suite “paper” are an assumption: they were fitted to the published baseline row, "
    "so only differences between rows are evidence."
)


def caption(rows: Sequence[Row], columns: Sequence[Column], options: Options) -> str:
    """Some sentences, in one line."""
    first = rows[0].first
    spread = any(len(row.runs) > 1 for row in rows)
    figures = "mean ± sample standard deviation over seeds" if spread else "one seed a row"
    images = first.label != POINTS
    fitted = images and any(is_fitted(column.attack, column.norm, column.eps) for column in columns)
    sentences = [
        f"{first.label}: accuracy in percent, {figures}.",
        f"Clean on {columns[0].n} test samples; {_epochs(rows)} epochs; {_weights(rows)} weights; "
        f"data {first.fingerprint[:8]}; {_codes(rows, options)}.",
        *_attacks(columns[1:], {run.code for row in rows for run in row.runs}, images),
        *([FITTED] if fitted else []),
    ]
    return " ".join(sentences)


def _epochs(rows: Sequence[Row]) -> str:
    budget = rows[0].first.budget
    several = sorted({run.record["train"]["epochs"] for row in rows for run in row.runs})
    trained = "–".join(map(str, dict.fromkeys((several[0], several[-1]))))
    return trained if budget == trained else f"{trained} ({budget})"


def _weights(rows: Iterable[Row]) -> str:
    return " and ".join(dict.fromkeys(row.first.record["weights"] for row in rows))


def _codes(rows: Iterable[Row], options: Options) -> str:
    codes = list(dict.fromkeys(short_code(run.code) for row in rows for run in row.runs))
    word = "code versions mixed (--any-version)" if options.any_version and len(codes) > 1 else "code"
    return f"{word} {', '.join(codes)}"


def _attacks(columns: Iterable[Column], trained_with: set[str], images: bool) -> list[str]:
    """A sentence for each kind of attack, with the columns it fills and their ε."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        sizes = kinds.setdefault(_kind(column, trained_with), {}).setdefault(_place(column), [])
        sizes += [] if column.eps is None else [_size(column.eps, images)]
    units = "in units of data in [0, 1]" + (" and in 255ths" if images else "")
    told = {
        kind: "; ".join(f"{place} {', '.join(sizes)}".strip() for place, sizes in places.items())
        for kind, places in kinds.items()
    }
    return [f"{kind}; ε {units}: {places}." for kind, places in told.items()]


def _place(column: Column) -> str:
    """The norm of a column that is headed by its id; of another one also which attack it is."""
    norm = NORMS.get(column.norm or "", "any")
    return norm if column.heading.startswith(column.id) else f"{column.heading} ({column.id})"


def _size(eps: float, images: bool) -> str:
    return f"{eps:.4g}" + (f" ({255 * eps:.4g}/255)" if images else "")


def _kind(column: Column, trained_with: set[str]) -> str:
    """E.g. "pgd (50 steps of 0.25 ε, restarts 1, loss ce) on 10000 samples"."""
    told = {name: value for name, value in column.settings.items() if name != "eps"}
    words = []
    if "steps" in told and "rel_step" in told:
        words = [f"{told.pop('steps')} steps of {told.pop('rel_step')} ε"]
    words += [f"{name} {_value(value)}" for name, value in told.items()]
    later = [short_code(code) for code in column.codes if code not in trained_with]
    at = f", with code {', '.join(later)}" if later else ""
    name = column.attack or column.id
    return (
        f"{name} ({', '.join(words)}) on {column.n} samples{at}"
        if words
        else f"{name} on {column.n} samples{at}"
    )


def _value(value: object) -> str:
    """A list of attacks by their names; everything else as it is."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return " + ".join(str(one.get("attack", "?")) for one in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
