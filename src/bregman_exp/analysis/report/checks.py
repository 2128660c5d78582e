"""The checks of all runs: how many passed, which failed and where, what they mean."""

import re
from collections import Counter
from collections.abc import Iterable

from markupsafe import Markup, escape

from bregman_exp.analysis.check_docs import sections
from bregman_exp.analysis.names import Facts

BOLD, CODE = re.compile(r"\*\*(.+?)\*\*"), re.compile(r"`([^`]+)`")


def summaries(checks: Iterable[Facts]) -> list[Facts]:
    """Of each name, in the order of its first check: ``counts`` by status; ``worst``: the largest value and
    ``limit``, its own; ``status``: failed if one failed, skipped if all were."""
    by_name: dict[str, Facts] = {}
    for check in checks:
        new = {"name": check["name"], "counts": Counter(), "worst": None, "limit": None}
        summary = by_name.setdefault(check["name"], new)
        summary["counts"][check["status"]] += 1
        if check["value"] is not None and (summary["worst"] is None or check["value"] > summary["worst"]):
            summary |= {"worst": check["value"], "limit": check["limit"]}
    for summary in by_name.values():
        counts = summary["counts"]
        summary["status"] = next((status for status in ("failed", "passed") if counts[status]), "skipped")
    return list(by_name.values())


def meanings(names: Iterable[str]) -> dict[str, Markup]:
    """What docs/checks.md says of these checks, as paragraphs of HTML."""
    by_name = sections()
    return {name: _html(by_name[name]) for name in names if name in by_name}


def _html(section: str) -> Markup:
    """Paragraphs, bold words and code: no other markup occurs in the file."""
    paragraphs = [str(escape(part.strip())) for part in section.split("\n\n") if part.strip()]
    marked = [CODE.sub(r"<code>\1</code>", BOLD.sub(r"<strong>\1</strong>", part)) for part in paragraphs]
    return Markup("".join(f"<p>{part}</p>" for part in marked))  # escaped above
