"""How much is tried, and the counts at the end: what docs/reliability.md cites."""

import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

MIB = 1024  # of the units in which Linux gives a process's peak memory
PROPERTY = "torture"


@pytest.fixture
def endings(record_property: Any, request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """How often each way to end was seen; it stands in the summary."""
    counts: Counter[str] = Counter()
    yield counts
    peaks = [
        resource.getrusage(who).ru_maxrss / MIB for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    text = ", ".join(f"{number} {ending}" for ending, number in sorted(counts.items()))
    memory = f"peak memory {peaks[0]:,.0f} MiB, of a child {peaks[1]:,.0f} MiB"
    record_property(PROPERTY, f"{request.node.name}: {text}; {memory}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for which in terminalreporter.stats.values() for report in which]
    lines = {
        value
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY and report.when == "teardown"
    }
    if lines:
        terminalreporter.section("how it ended")
        for line in sorted(lines):
            terminalreporter.write_line(line)
