"""What several pictures do with their axes and legends."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation

LETTERS, SYMBOL = 14, 9  # of a legend's line: letters in an inch; what a curve's sample takes, in letters


class PlainNumbers(LogFormatterSciNotation):
    """The ticks that matplotlib would label, as 0.4 and not as 4 × 10⁻¹."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def log_axis(panel: Axes) -> None:
    """Makes the y-axis logarithmic."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(PlainNumbers())
    panel.yaxis.set_minor_formatter(PlainNumbers(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def legend_entries(*panels: Axes) -> dict[str, Any]:
    """The curves of all panels by their labels, each label once."""
    found = [panel.get_legend_handles_labels() for panel in panels]
    return {label: handle for handles, labels in found for handle, label in zip(handles, labels, strict=True)}


def legend_below(figure: Figure, entries: Mapping[str, Any]) -> None:
    """A legend under the panels, in as many columns as fit beside each other."""
    widest = max(map(len, entries)) + SYMBOL
    columns = int(LETTERS * figure.get_figwidth() / widest)
    columns = max(1, min(columns, len(entries)))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)
