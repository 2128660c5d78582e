"""What docs/checks.md says of each check."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"  # of a checkout
SECTION = re.compile(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
ADVICE = re.compile(r"\*\*Do:\*\*\s*(.+?)(?=\.\s|\.?\s*\Z)", re.DOTALL)


def page_text() -> str:
    """The page, "" where it is not installed."""
    return PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""


def sections(text: str) -> dict[str, str]:
    """The section of each check, by its name."""
    return dict(SECTION.findall(text))


def advice(section: str) -> str:
    """What to do about a failure, in one sentence without its full stop; "" where the section has none."""
    match = ADVICE.search(section)
    return " ".join(match[1].replace("`", "").split()) if match else ""
