"""The figures and checks of one evaluation, for the terminal and run.log."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from bregman_exp.analysis.formats import interval, number, percent, size
from bregman_exp.analysis.names import marks
from bregman_exp.runs.record import CheckStatus

Record = dict[str, Any]  # the content of a metrics.json
SECOND = re.compile(r"(?<!e)-\d+$")  # of an id; not the exponent of an ε such as 2e-05
UNKNOWN = {"attack": None, "norm": None, "eps": None, "correct": None}  # of an attack that does not say


def evaluation_text(record: Record) -> RenderableType:
    """Accuracies with intervals and verdicts; of an audit the checks of each threat; what failed."""
    n = record["clean"]["n"]
    entries = [{**UNKNOWN, "n": n, **entry} for entry in record["robust"]]
    parts: list[RenderableType] = [_accuracies(record, entries)]
    checks = record.get("checks", [])
    if "probes" in record:
        threats: dict[Any, list[Record]] = {}
        for entry in entries:
            threats.setdefault((entry["norm"], entry["eps"]), []).append(entry)
        parts += [_checks_of(of_threat, checks) for of_threat in threats.values()]
    return Group(*parts, _summary(checks))


def _accuracies(record: Record, entries: Sequence[Record]) -> Table:
    """With attack=exact also the gap to it, the yardstick of the other attacks."""
    proven = [entry for entry in entries if entry["attack"] == "exact" and entry["correct"] is not None]
    exact = {(entry["norm"], entry["eps"]): entry["correct"] for entry in proven}
    headings = ("eps", "accuracy %", "95 % interval", "samples", *(["gap to exact"] if exact else []))
    title = f"{record['model']} ({record['act']}), seed {record['seed']}, {record['weights']} weights"
    table = Table(
        *("attack", "norm", *(Column(heading, justify="right") for heading in headings), "verdict"),
        title=Text(f"{title}: {record['dataset']['label']}"),
        title_justify="left",
    )
    table.add_row("clean", "", "", *_figures(record["clean"]))
    for entry in entries:
        gap = [_gap(entry, exact.get((entry["norm"], entry["eps"])))] if exact else []
        verdict = marks([entry["verdict"]]) or entry["verdict"]
        threat = (entry["norm"] or "", size(entry["eps"]))
        table.add_row(_short(entry), *threat, *_figures(entry), *gap, verdict)
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


def _checks_of(entries: Sequence[Record], checks: Sequence[Record]) -> Table:
    """Checks × the entries of one threat: the value, and FAILED where it is above the limit."""
    norm, eps = entries[0]["norm"], entries[0]["eps"]
    columns = [Column(heading, justify="right") for heading in ("limit", *map(_short, entries))]
    table = Table("check", *columns, title=f"checks, {norm or ''} {size(eps)}", title_justify="left")
    ids = [entry["id"] for entry in entries]
    for name in dict.fromkeys(check["name"] for check in checks):
        named = [c for c in checks if c["name"] == name and set(c["applies_to"]) & set(ids)]
        if named:
            limits = {number(check["limit"]) for check in named}
            table.add_row(name, "/".join(sorted(limits)), *(_cell(named, id_) for id_ in ids))
    return table


def _cell(checks: Sequence[Record], entry: str) -> str:
    """The worst of the checks that apply to the entry."""
    own = [check for check in checks if entry in check["applies_to"]]
    if not own:
        return ""
    worst = max(own, key=lambda check: (check["status"] == CheckStatus.FAILED, check["value"] or 0))
    if worst["status"] == CheckStatus.SKIPPED:
        return "skipped"
    return number(worst["value"]) + (" FAILED" if worst["status"] == CheckStatus.FAILED else "")


def _summary(checks: Sequence[Record]) -> Text:
    count = Counter(check["status"] for check in checks)
    totals = [f"{count[status]} {status}" for status in CheckStatus if count[status] or status == "passed"]
    lines = [f"checks: {', '.join(totals)}"]
    for check in checks:
        if check["status"] == CheckStatus.FAILED:
            value, limit = number(check["value"]), number(check["limit"])
            lines.append(f"  {check['name']} {value} > {limit}: {', '.join(check['applies_to'])}")
    if count[CheckStatus.FAILED]:
        lines.append("docs/checks.md says what each failure means and what to do.")
    return Text("\n".join(lines))
