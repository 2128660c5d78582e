"""What docs/checks.md says of each check."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"  # of a checkout
SECTION = re.compile(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
ADVICE = re.compile(r"\*\*Do:\*\*\s*(.+?)(?=\.\s|\.?\s*\Z)", re.DOTALL)


def sections() -> dict[str, str]:
    """The section of each check, by its name; none where the page is not installed."""
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8"))) if PAGE.is_file() else {}


def advice(section: str) -> str:
    """What to do about a failure, in one sentence without its full stop; "" where the section has none."""
    match = ADVICE.search(section)
    return " ".join(match[1].replace("`", "").split()) if match else ""
