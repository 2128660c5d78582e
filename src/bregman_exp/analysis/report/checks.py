"""The checks of all runs: how many passed, which failed and where, what they mean."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from bregman_exp.analysis.report.runs import ReportedRun
from bregman_exp.runs.record import CheckStatus

Check = Mapping[str, Any]
SECTION = re.compile(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
BOLD, CODE = re.compile(r"\*\*(.+?)\*\*"), re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class CheckSummary:
    """One check over many entries; ``worst``: of its values, the largest; ``limit``: its own."""

    name: str
    counts: dict[str, int]
    worst: float | None
    limit: float | None

    @property
    def status(self) -> str:
        """failed if one failed, skipped if all were."""
        return next((status for status in ("failed", "passed") if self.counts[status]), "skipped")


def summaries(checks: Iterable[Check]) -> list[CheckSummary]:
    """One for each name, in the order in which they come."""
    by_name: dict[str, list[Check]] = {}
    for check in checks:
        by_name.setdefault(check["name"], []).append(check)
    return [_summary(name, several) for name, several in by_name.items()]


def _summary(name: str, checks: Sequence[Check]) -> CheckSummary:
    count = Counter(check["status"] for check in checks)
    known = [check for check in checks if check["value"] is not None]
    worst = max(known, key=lambda check: check["value"], default={"value": None, "limit": None})
    counts = {status: count[status] for status in map(str, CheckStatus)}
    return CheckSummary(name, counts, worst["value"], worst["limit"])


def totals(runs: Iterable[ReportedRun]) -> dict[str, int]:
    count = Counter(check["status"] for run in runs for check in run.checks)
    return {status: count[status] for status in map(str, CheckStatus)}


def meanings(text: str, names: Iterable[str]) -> dict[str, Markup]:
    """What docs/checks.md (its ``text``) says of these checks, as paragraphs of HTML."""
    sections = dict(SECTION.findall(text))
    return {name: _html(sections[name]) for name in names if name in sections}


def _html(section: str) -> Markup:
    """Paragraphs, bold words and code, which is all that stands there."""
    paragraphs = [str(escape(part.strip())) for part in section.split("\n\n") if part.strip()]
    marked = [CODE.sub(r"<code>\1</code>", BOLD.sub(r"<strong>\1</strong>", part)) for part in paragraphs]
    return Markup("".join(f"<p>{part}</p>" for part in marked))  # escaped above
