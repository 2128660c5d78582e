"""Tables on the terminal, and as plain text, with no figure cut off."""

from rich.console import Console, ConsoleDimensions, RenderableType

WIDEST = 1000  # columns
TEXT = 110  # of plain text, for what lays itself out by the width


def print_whole(shown: RenderableType) -> None:
    """Prints to the terminal, wider than it where that is needed."""
    console = Console()
    width = max(console.width, _width(console, shown))
    console.size = ConsoleDimensions(width, console.height)  # not the width alone: dumb ones
    console.print(shown)


def as_text(shown: RenderableType) -> str:
    """The same as plain text."""
    console = Console(no_color=True, highlight=False, force_terminal=False)
    console.width = max(TEXT, _width(console, shown))
    with console.capture() as capture:
        console.print(shown)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def _width(console: Console, shown: RenderableType) -> int:
    return console.measure(shown, options=console.options.update(max_width=WIDEST)).maximum
