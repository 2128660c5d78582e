"""What a table must say of itself: data, samples, epochs, code, attacks and their ε."""

from collections.abc import Iterator, Sequence

from bregman_exp.analysis.formats import size
from bregman_exp.analysis.names import Facts, Frame, short_code
from bregman_exp.analysis.table.columns import NORMS
from bregman_exp.analysis.table.options import Options
from bregman_exp.analysis.table.rows import span

POINTS = "two-spiral"  # no images, so 255ths mean nothing
FITTED = (
    "The ε of the suite “paper” are an assumption: they were fitted to the published baseline row, "
    "so only differences between rows are evidence."
)


def caption(figures: Frame, columns: Sequence[Facts], options: Options) -> str:
    """Some sentences, in one line. ``figures``: of the table, by row."""
    runs = figures.drop_duplicates("run")
    first = runs.iloc[0]
    statistic = (
        "mean ± sample standard deviation over seeds" if runs["line"].duplicated().any() else "one seed a row"
    )
    trained, codes = span(runs["epochs"]), list(dict.fromkeys(map(short_code, runs["trained_with"])))
    epochs = trained if first["budget"] == trained else f"{trained} ({first['budget']})"
    mixed = options.any_version and len(codes) > 1
    is_images = first["data"] != POINTS
    sentences = [
        f"{first['data']}: accuracy in percent, {statistic}.",
        f"Clean on {columns[0]['n']} test samples; {epochs} epochs; "
        f"{' and '.join(runs['weights'].unique())} weights; data {first['fingerprint'][:8]}; "
        f"{'code versions mixed (--any-version)' if mixed else 'code'} {', '.join(codes)}.",
        *_attacks(columns[1:], set(runs["trained_with"]), is_images),
    ]
    is_fitted = is_images and any(column["measure"] in NORMS for column in columns)
    return " ".join([*sentences, FITTED] if is_fitted else sentences)


def _attacks(columns: Sequence[Facts], trained_with: set[str], is_images: bool) -> Iterator[str]:
    """A sentence for each kind of attack, with the columns it fills and their ε."""
    units = "in units of data in [0, 1]" + (" and in 255ths" if is_images else "")
    kinds: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        places = kinds.setdefault(_kind(column, trained_with), {})
        places.setdefault(_place(column), []).append(_size(column["eps"], is_images))
    for kind, places in kinds.items():
        texts = [f"{place} {', '.join(filter(None, sizes))}".strip() for place, sizes in places.items()]
        yield f"{kind}; ε {units}: {'; '.join(texts)}."


def _place(column: Facts) -> str:
    """The norm of a column that is headed by its id; of another column also which attack it is."""
    heading, id_ = column["heading"], column["id"]
    return NORMS.get(column["norm"], "any") if heading.startswith(id_) else f"{heading} ({id_})"


def _size(eps: float | None, is_images: bool) -> str:
    return size(eps) + (f" ({size(255 * eps)}/255)" if is_images and eps is not None else "")


def _kind(column: Facts, trained_with: set[str]) -> str:
    """E.g. "pgd (50 steps of 0.25 ε, restarts 1, loss ce) on 10000 samples"."""
    arguments = {name: value for name, value in column["arguments"].items() if name != "eps"}
    texts = []
    if "steps" in arguments and "rel_step" in arguments:
        texts = [f"{arguments.pop('steps')} steps of {arguments.pop('rel_step')} ε"]
    texts += [f"{name} {_value(value)}" for name, value in arguments.items()]
    later = [short_code(code) for code in column["codes"] if code not in trained_with]
    about = f" ({', '.join(texts)})" if texts else ""
    at = f", with code {', '.join(later)}" if later else ""
    return f"{column['attack'] or column['id']}{about} on {column['n']} samples{at}"


def _value(value: object) -> str:
    """A list of attacks by their names; everything else as it is."""
    if isinstance(value, list) and all(isinstance(attack, dict) for attack in value):
        return " + ".join(str(attack.get("attack", "?")) for attack in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
