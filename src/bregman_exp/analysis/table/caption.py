"""What a table must say of itself: data, samples, epochs, code, attacks and their ε."""

from collections.abc import Sequence

from bregman_exp.analysis.names import Facts, Frame, Series, short_code
from bregman_exp.analysis.published import is_fitted
from bregman_exp.analysis.table.columns import NORMS
from bregman_exp.analysis.table.options import Options

POINTS = "two-spiral"  # no images, so 255ths mean nothing
FITTED = (
    "The ε of the suite “paper” are an assumption: they were fitted to the published baseline row, "
    "so only differences between rows are evidence."
)


def caption(rows: Sequence[Facts], runs: Frame, columns: Sequence[Facts], options: Options) -> str:
    """Some sentences, in one line. ``runs``: a line for each run of the rows, in their order."""
    first = rows[0]
    several = any(len(row["seeds"]) > 1 for row in rows)
    statistic = "mean ± sample standard deviation over seeds" if several else "one seed a row"
    images = first["data"] != POINTS
    fitted = images and any(is_fitted(column["attack"], column["norm"], column["eps"]) for column in columns)
    trained, codes = span(runs["epochs"]), list(dict.fromkeys(map(short_code, runs["trained_with"])))
    epochs = trained if first["budget"] == trained else f"{trained} ({first['budget']})"
    mixed = options.any_version and len(codes) > 1
    sentences = [
        f"{first['data']}: accuracy in percent, {statistic}.",
        f"Clean on {columns[0]['n']} test samples; {epochs} epochs; "
        f"{' and '.join(runs['weights'].unique())} weights; data {first['fingerprint'][:8]}; "
        f"{'code versions mixed (--any-version)' if mixed else 'code'} {', '.join(codes)}.",
        *_attacks(columns[1:], set(runs["trained_with"]), images),
    ]
    return " ".join([*sentences, FITTED] if fitted else sentences)


def span(numbers: Series) -> str:
    """E.g. "500"; with early stopping perhaps "17–23"."""
    return "–".join(map(str, dict.fromkeys((numbers.min(), numbers.max()))))


def _attacks(columns: Sequence[Facts], trained_with: set[str], images: bool) -> list[str]:
    """A sentence for each kind of attack, with the columns it fills and their ε."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        sizes = kinds.setdefault(_kind(column, trained_with), {}).setdefault(_place(column), [])
        sizes += [] if column["eps"] is None else [_size(column["eps"], images)]
    units = "in units of data in [0, 1]" + (" and in 255ths" if images else "")
    places_of = {
        kind: "; ".join(f"{place} {', '.join(sizes)}".strip() for place, sizes in places.items())
        for kind, places in kinds.items()
    }
    return [f"{kind}; ε {units}: {places}." for kind, places in places_of.items()]


def _place(column: Facts) -> str:
    """The norm of a column that is headed by its id; of another column also which attack it is."""
    heading, id_ = column["heading"], column["id"]
    return NORMS.get(column["norm"], "any") if heading.startswith(id_) else f"{heading} ({id_})"


def _size(eps: float, images: bool) -> str:
    return f"{eps:.4g}" + (f" ({255 * eps:.4g}/255)" if images else "")


def _kind(column: Facts, trained_with: set[str]) -> str:
    """E.g. "pgd (50 steps of 0.25 ε, restarts 1, loss ce) on 10000 samples"."""
    settings = {name: value for name, value in column["settings"].items() if name != "eps"}
    texts = []
    if "steps" in settings and "rel_step" in settings:
        texts = [f"{settings.pop('steps')} steps of {settings.pop('rel_step')} ε"]
    texts += [f"{name} {_value(value)}" for name, value in settings.items()]
    later = [short_code(code) for code in column["codes"] if code not in trained_with]
    about = f" ({', '.join(texts)})" if texts else ""
    at = f", with code {', '.join(later)}" if later else ""
    return f"{column['attack'] or column['id']}{about} on {column['n']} samples{at}"


def _value(value: object) -> str:
    """A list of attacks by their names; everything else as it is."""
    if isinstance(value, list) and all(isinstance(attack, dict) for attack in value):
        return " + ".join(str(attack.get("attack", "?")) for attack in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
