"""What is said on the terminal: tables with no figure cut off, mistakes in one sentence."""

import sys
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from io import TextIOWrapper

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.segment import Segment, Segments

WIDEST = 1000  # columns
TEXT = 110  # of plain text, for what lays itself out by the width


def print_whole(page: RenderableType) -> None:
    """Prints to the terminal, wider than it where that is needed. Control characters of names are shown."""
    console = Console()
    width = max(console.width, _width(console, page))
    console.size = ConsoleDimensions(width, console.height)  # not the width alone: dumb ones
    segments = console.render(page)
    console.print(Segments(Segment(shown(text), style, control) for text, style, control in segments))


def write_any_character() -> None:
    """Lets a terminal of few characters (ASCII, cp1252) show the others as escapes, not fail at them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def in_one_sentence() -> Generator[None]:
    """A mistake ends the program with its sentence and the exit code 1; a bug keeps its traceback."""
    write_any_character()
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(shown(str(error)))


def as_text(page: RenderableType) -> str:
    """The same as plain text."""
    console = Console(no_color=True, highlight=False, force_terminal=False)
    console.width = max(TEXT, _width(console, page))
    with console.capture() as capture:
        console.print(page)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def _width(console: Console, page: RenderableType) -> int:
    return console.measure(page, options=console.options.update(max_width=WIDEST)).maximum


def shown(text: str) -> str:
    """The text with control characters as escapes (\\x1b), as terminals obey them; line ends stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf") else _escape(c) for c in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
