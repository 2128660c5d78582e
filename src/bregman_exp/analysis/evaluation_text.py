"""The figures and checks of one evaluation, for the terminal and run.log."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from bregman_exp.analysis.check_docs import advice, sections
from bregman_exp.analysis.formats import interval, number, percent, size
from bregman_exp.analysis.names import PAPER, marks
from bregman_exp.runs.record import CheckStatus

Record = dict[str, Any]  # the content of a metrics.json
SECOND = re.compile(r"(?<!e)-\d+$")  # of an id; not the exponent of an ε such as 2e-05
UNKNOWN = {"attack": None, "norm": None, "eps": None, "correct": None}  # of an attack that does not say


def evaluation_text(record: Record, row: str) -> RenderableType:
    """Accuracies with intervals and verdicts, all in a line, failed checks with what to do, the counts.

    ``row``: what the network is called in tables.
    """
    title = f"{row}, seed {record['seed']}"
    checks = record.get("checks", [])
    failed = [check for check in checks if check["status"] == CheckStatus.FAILED]
    learned = [_learned(name, values) for name, values in record.get("train", {}).get("learned", {}).items()]
    mse = record["clean"].get("mse")
    regression = [] if mse is None else [f"mean squared error on clean data: {mse:.4g}"]
    lines = [f"{title}: {verdict_line(record)}", *regression, *learned, *_failures(failed), _counts(checks)]
    if failed:
        lines.append("docs/checks.md says what each failure means and what to do.")
    return Group(_accuracies(record, _entries(record), title), Text("\n".join(lines)))


def verdict_line(record: Record) -> str:
    """E.g. "98.80 % clean, 92.60 % under pgd-linf-0.02 (unchecked)": of each norm the lowest accuracy.

    Of the suite paper only PGD counts, as in the table.
    """
    entries = _entries(record)
    pgd = [entry for entry in entries if entry["attack"] == "pgd"]
    norms: dict[str | None, list[Record]] = {}
    for entry in pgd if pgd and record.get("suite") == PAPER else entries:
        norms.setdefault(entry["norm"], []).append(entry)
    lowest = [min(of_norm, key=_reported_accuracy) for of_norm in norms.values()]
    under = [f"{_percent(entry)} under {entry['id']} ({_verdict(entry)})" for entry in lowest]
    return ", ".join([f"{percent(record['clean']['accuracy'])} % clean", *under])


def _learned(name: str, values: Mapping[str, float]) -> str:
    low, middle, high = (f"{values[key]:.4g}" for key in ("min", "median", "max"))
    return f"learned {name}: {low}" if low == high else f"learned {name}: {low} to {high}, median {middle}"


def _entries(record: Record) -> list[Record]:
    return [{**UNKNOWN, "n": record["clean"]["n"], **entry} for entry in record["robust"]]


def _reported_accuracy(entry: Record) -> float:
    return 2.0 if entry["accuracy"] is None else entry["accuracy"]


def _percent(entry: Record) -> str:
    return "not reported" if entry["accuracy"] is None else f"{percent(entry['accuracy'])} %"


def _verdict(entry: Record) -> str:
    return marks([entry["verdict"]]) or entry["verdict"]


def _accuracies(record: Record, entries: Sequence[Record], title: str) -> Table:
    """With attack=exact also the gap to it, the yardstick of the other attacks."""
    proven = [entry for entry in entries if entry["attack"] == "exact" and entry["correct"] is not None]
    exact = {(entry["norm"], entry["eps"]): entry["correct"] for entry in proven}
    headings = ("eps", "accuracy %", "95 % interval", "samples", *(["gap to exact"] if exact else []))
    table = Table(
        *("attack", "norm", *(Column(heading, justify="right") for heading in headings), "verdict"),
        title=Text(f"{title}, {record['weights']} weights: {record['dataset']['label']}"),
        title_justify="left",
    )
    table.add_row("clean", "", "", *_figures(record["clean"]))
    for entry in entries:
        gap = [_gap(entry, exact.get((entry["norm"], entry["eps"])))] if exact else []
        threat = (entry["norm"] or "", size(entry["eps"]))
        table.add_row(_short(entry), *threat, *_figures(entry), *gap, _verdict(entry))
    return table


def _gap(entry: Record, truth: int | None) -> str:
    """By how many points the attack overstates the robust accuracy, ``truth`` of n samples."""
    if truth is None or entry["correct"] is None or entry["attack"] == "exact":
        return ""
    return f"{100 * (entry['correct'] - truth) / entry['n']:.2f}"


def _figures(entry: Record) -> tuple[str, str, str]:
    if entry["accuracy"] is None:
        return "not reported", "", str(entry["n"])
    return percent(entry["accuracy"]), interval(entry.get("ci95")), str(entry["n"])


def _short(entry: Record) -> str:
    """The id without the threat, which stands in columns of its own; e.g. pgd, and pgd-2 for a second one."""
    name, _, rest = entry["id"].partition(f"-{entry['norm']}-")
    second = SECOND.search(rest)
    return name + (second[0] if second else "")


def _failures(failed: Sequence[Record]) -> list[str]:
    """For each check that failed: its values, limits and entries, then what to do."""
    about, lines = sections() if failed else {}, list[str]()
    for name in dict.fromkeys(check["name"] for check in failed):
        for check in [check for check in failed if check["name"] == name]:
            value, limit = number(check["value"]), number(check["limit"])
            lines.append(f"  FAILED {name} {value} > {limit}: {', '.join(check['applies_to'])}")
        if what_to_do := advice(about.get(name, "")):
            lines.append(f"    to do: {what_to_do}")
    return lines


def _counts(checks: Sequence[Record]) -> str:
    count = Counter(check["status"] for check in checks)
    totals = [f"{count[status]} {status}" for status in CheckStatus if count[status] or status == "passed"]
    return f"checks: {', '.join(totals)}"
