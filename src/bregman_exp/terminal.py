"""Output on the terminal: tables that are never truncated, and mistakes in one sentence."""

import sys
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.segment import Segment, Segments

MAX_WIDTH = 1000  # columns
TEXT_WIDTH = 110  # columns of plain text
CHECKOUT = Path(__file__).parents[2]  # where this package lies in a checkout


def command(name: str) -> list[str]:
    """How a command is typed: ["python", "scripts/table.py"] in a checkout, else ["bregman", "table"]."""
    script = f"{name}.py" if name in ("train", "evaluate") else f"scripts/{name}.py"
    return ["python", script] if (CHECKOUT / script).is_file() else ["bregman", name]


def print_whole(page: RenderableType) -> None:
    """Prints the page in full, wider than the terminal if needed, with control characters as escapes."""
    console = Console()
    width = max(console.width, _width(console, page))
    console.size = ConsoleDimensions(width, console.height)  # dumb terminals ignore console.width
    segments = console.render(page)
    console.print(Segments(Segment(shown(text), style, control) for text, style, control in segments))


def write_any_character() -> None:
    """Makes a terminal with few characters (ASCII, cp1252) show the others as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def in_one_sentence() -> Generator[None]:
    """A ValueError or OSError ends the program with its message and exit code 1, without a traceback."""
    write_any_character()
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(shown(str(error)))


def as_text(page: RenderableType) -> str:
    """The page as plain text."""
    console = Console(no_color=True, highlight=False, force_terminal=False)
    console.width = max(TEXT_WIDTH, _width(console, page))
    with console.capture() as capture:
        console.print(page)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def _width(console: Console, page: RenderableType) -> int:
    return console.measure(page, options=console.options.update(max_width=MAX_WIDTH)).maximum


def shown(text: str) -> str:
    """The text with control characters, which terminals obey, as escapes (\\x1b); line ends stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf") else _escape(c) for c in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
