"""What was run, in a few lines: counts, data, training, code, machine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bregman_exp.analysis.lines import code_of
from bregman_exp.analysis.names import short_code
from bregman_exp.analysis.report.formats import counted, duration, each, ranges
from bregman_exp.analysis.report.runs import ReportedRun

TITLED = 3  # experiments that fit in a title
ENVIRONMENT = ("torch", "python", "device", "git", "bregman_exp")


def title(runs: Sequence[ReportedRun]) -> str:
    """The experiments' names, e.g. "two_spiral_3 and two_spiral_100"."""
    names = list(dict.fromkeys(run.experiment for run in runs))
    if len(names) > TITLED:
        return f"{', '.join(names[:TITLED])} and {len(names) - TITLED} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def lead(terms: Sequence[tuple[str, str]]) -> str:
    """The facts that one wants to know first, in a line."""
    known = dict(terms)
    epochs = f"{known['epochs']} epochs" if "epochs" in known else ""
    return " · ".join(filter(None, (known["rows and seeds"], known.get("data"), epochs)))


def facts(runs: Sequence[ReportedRun]) -> list[tuple[str, str]]:
    """Terms and what there is to say of them, over the complete runs."""
    records = [run.own for run in runs if run.own]
    seeds = ranges(run.seed for run in runs if run.seed is not None)
    rows = len({run.row for run in runs})
    counts = [("rows and seeds", f"{counted(rows, 'row')}; seeds {seeds}")]
    if not records:
        return counts
    trained = sum(record["train"].get("seconds") or 0 for record in records)
    return [
        *counts,
        ("data", each(map(_data, records))),
        ("epochs", each(record["train"]["epochs"] for record in records)),
        ("weights", each(record["weights"] for record in records)),
        ("attacks", each(record.get("suite") or "none" for record in records)),
        ("code version", each(short_code(code_of(record)) for record in records)),
        ("device", each((record.get("environment") or {}).get("device", "unknown") for record in records)),
        ("training time", f"{duration(trained)} in all" if trained else "not recorded"),
    ]


def _data(record: Mapping[str, Any]) -> str:
    """E.g. "two-spiral (1,000 train, 500 validation, 500 test samples, 8cc214cf)"."""
    data = record["dataset"]
    sizes = [
        f"{data[key]:,} {name}"
        for key, name in (("n_train", "train"), ("n_val", "validation"), ("n_test", "test"))
        if data.get(key) is not None
    ]
    known = [*([f"{', '.join(sizes)} samples"] if sizes else []), data.get("fingerprint", "")[:8]]
    return f"{data['label']} ({', '.join(filter(None, known))})"


def environments(runs: Sequence[ReportedRun]) -> list[tuple[tuple[str, ...], int]]:
    """Each environment figures were obtained in (in the order of ENVIRONMENT), and how many they were."""
    records = [evaluation.record for run in runs for evaluation in run.evaluations]
    environments = [record.get("environment") or {} for record in records]
    return Counter(
        tuple(str(one.get(name, "")) for name in ENVIRONMENT) for one in environments
    ).most_common()
