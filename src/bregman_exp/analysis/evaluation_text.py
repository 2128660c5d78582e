"""The figures and checks of one evaluation, for the terminal and run.log."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregman_exp.analysis.names import marks

Record = dict[str, Any]  # the content of a metrics.json
SECOND = re.compile(r"(?<!e)-\d+$")  # of an id; not the exponent of an ε such as 2e-05
UNKNOWN = {"attack": None, "norm": None, "eps": None, "correct": None}  # of an attack that does not say
STATUSES = ("passed", "failed", "skipped")


def evaluation_text(record: Record) -> RenderableType:
    """Accuracies with intervals and verdicts; of an audit the checks of each threat; what failed."""
    n = record["clean"]["n"]
    record = {**record, "robust": [{**UNKNOWN, "n": n, **entry} for entry in record["robust"]]}
    parts: list[RenderableType] = [_accuracies(record)]
    checks = record.get("checks", [])
    if "probes" in record:
        threats = dict.fromkeys((entry["norm"], entry["eps"]) for entry in record["robust"])
        parts += [_checks_of(record, checks, norm, eps) for norm, eps in threats]
    parts.append(_summary(checks))
    return Group(*parts)


def _accuracies(record: Record) -> Table:
    clean, truths = record["clean"], _truths(record)
    title = f"{record['model']} ({record['act']}), seed {record['seed']}, {record['weights']} weights"
    table = Table(title=Text(f"{title}: {record['dataset']['label']}"), title_justify="left")
    for heading, justify in (("attack", "left"), ("norm", "left"), ("eps", "right"), ("accuracy %", "right")):
        table.add_column(heading, justify=justify)  # pyright: ignore[reportArgumentType]
    for heading in ("95 % interval", "samples", *(["gap to exact"] if truths else [])):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    table.add_row("clean", "", "", *_figures(clean))
    for entry in record["robust"]:
        threat = entry["norm"] or "", _size(entry["eps"])
        verdict = marks([entry["verdict"]]) or entry["verdict"]
        gap = [_gap(entry, truths)] if truths else []
        table.add_row(_short(entry), *threat, *_figures(entry), *gap, verdict)
    return table


def _truths(record: Record) -> dict[tuple[str, float], int]:
    """By threat, how many samples attack=exact leaves right: the yardstick of the other attacks."""
    exact = [entry for entry in record["robust"] if entry["attack"] == "exact"]
    return {(e["norm"], e["eps"]): e["correct"] for e in exact if e["correct"] is not None}


def _gap(entry: Record, truths: dict[tuple[str, float], int]) -> str:
    """By how many points the attack overstates the robust accuracy."""
    truth = truths.get((entry["norm"], entry["eps"]))
    if truth is None or entry["correct"] is None or entry["attack"] == "exact":
        return ""
    return f"{100 * (entry['correct'] - truth) / entry['n']:.2f}"


def _figures(entry: Record) -> tuple[str, str, str]:
    if entry["accuracy"] is None:
        return "not reported", "", str(entry["n"])
    interval = " – ".join(f"{100 * end:.2f}" for end in entry.get("ci95") or ())
    return f"{100 * entry['accuracy']:.2f}", interval, str(entry["n"])


def _short(entry: Record) -> str:
    """The id without the threat, which stands in columns of its own; e.g. pgd, and pgd-2 for a second one."""
    name, _, rest = entry["id"].partition(f"-{entry['norm']}-")
    number = SECOND.search(rest)
    return name + (number[0] if number else "")


def _checks_of(record: Record, checks: Sequence[Record], norm: str | None, eps: float | None) -> Table:
    """Checks × the entries of one threat: the value, and FAILED where it is above the limit."""
    entries = [entry for entry in record["robust"] if (entry["norm"], entry["eps"]) == (norm, eps)]
    table = Table(title=f"checks, {norm or ''} {_size(eps)}", title_justify="left")
    table.add_column("check")
    table.add_column("limit", justify="right")
    for entry in entries:
        table.add_column(_short(entry), justify="right")
    ids = [entry["id"] for entry in entries]
    for name in dict.fromkeys(check["name"] for check in checks):
        named = [c for c in checks if c["name"] == name and set(c["applies_to"]) & set(ids)]
        if named:
            limits = {_number(check["limit"]) for check in named}
            table.add_row(name, "/".join(sorted(limits)), *(_cell(named, id_) for id_ in ids))
    return table


def _cell(checks: Sequence[Record], entry: str) -> str:
    mine = [check for check in checks if entry in check["applies_to"]]
    if not mine:
        return ""
    worst = max(mine, key=lambda check: (check["status"] == "failed", check["value"] or 0))
    if worst["status"] == "skipped":
        return "skipped"
    return _number(worst["value"]) + (" FAILED" if worst["status"] == "failed" else "")


def _size(eps: float | None) -> str:
    return "" if eps is None else f"{eps:.4g}"


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3g}"


def _summary(checks: Sequence[Record]) -> Text:
    counts = {status: sum(check["status"] == status for check in checks) for status in STATUSES}
    totals = ", ".join(f"{n} {status}" for status, n in counts.items() if n or status == "passed")
    lines = [f"checks: {totals}"]
    for check in checks:
        if check["status"] == "failed":
            ids = ", ".join(check["applies_to"])
            lines.append(f"  {check['name']} {_number(check['value'])} > {_number(check['limit'])}: {ids}")
    if counts["failed"]:
        lines.append("docs/checks.md says what each failure means and what to do.")
    return Text("\n".join(lines))
