"""What was run, in a few lines: counts, data, training, code, machine."""

from collections import Counter
from collections.abc import Sequence

from bregman_exp.analysis.formats import counted, duration, each, ranges
from bregman_exp.analysis.lines import code_of
from bregman_exp.analysis.names import Facts, Frame, short_code

TITLED = 3  # experiments that fit in a title
ENVIRONMENT = ("torch", "python", "device", "git", "bregman_exp")


def title(runs: Frame) -> str:
    """The experiments' names, e.g. "two_spiral_3 and two_spiral_100"."""
    names = list(runs["experiment"].unique())
    if len(names) > TITLED:
        return f"{', '.join(names[:TITLED])} and {len(names) - TITLED} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def lead(terms: Sequence[tuple[str, str]]) -> str:
    """The most important facts, in a line."""
    values = dict(terms)
    epochs = f"{values['epochs']} epochs" if "epochs" in values else ""
    return " · ".join(filter(None, (values["rows and seeds"], values.get("data"), epochs)))


def facts(runs: Frame) -> list[tuple[str, str]]:
    """Terms and what there is to say of them, over the complete runs."""
    rows, seeds = runs["name"].nunique(), ranges(runs["seed"].dropna())
    records = [record for record in runs["own"] if record]
    terms = [("rows and seeds", f"{counted(rows, 'row')}; seeds {seeds}")]
    if not records:
        return terms
    trained = sum(record["train"].get("seconds") or 0 for record in records)
    return [
        *terms,
        ("data", each(map(_data, records))),
        ("epochs", each(record["train"]["epochs"] for record in records)),
        ("weights", each(record["weights"] for record in records)),
        ("attacks", each(record.get("suite") or "none" for record in records)),
        ("code version", each(short_code(code_of(record)) for record in records)),
        ("device", each((record.get("environment") or {}).get("device", "unknown") for record in records)),
        ("training time", f"{duration(trained)} in all" if trained else "not recorded"),
    ]


def _data(record: Facts) -> str:
    """E.g. "two-spiral (1,000 train, 500 validation, 500 test samples, 8cc214cf)"."""
    data, names = record["dataset"], {"n_train": "train", "n_val": "validation", "n_test": "test"}
    sizes = ", ".join(f"{data[key]:,} {name}" for key, name in names.items() if data.get(key) is not None)
    parts = filter(None, (f"{sizes} samples" if sizes else "", data.get("fingerprint", "")[:8]))
    return f"{data['label']} ({', '.join(parts)})"


def environments(runs: Frame) -> list[tuple[tuple[str, ...], int]]:
    """Each environment figures were obtained in (values in the order of ENVIRONMENT), and their number."""
    records = [record for evaluations in runs["evaluations"] for _, record in evaluations]
    values = ([(record.get("environment") or {}).get(name, "") for name in ENVIRONMENT] for record in records)
    return Counter(tuple(map(str, several)) for several in values).most_common()
