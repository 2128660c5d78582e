"""The representation layer by layer, as panels and in motion."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.panels import Traced, layer_name, panels_of, show_frame, show_points
from bregman_exp.analysis.figures.plane import Limits, chosen_layers
from bregman_exp.analysis.figures.style import CLASSES, print_style
from bregman_exp.analysis.figures.subjects import FRAMED, Subject, limits_of
from bregman_exp.runs.atomic import write_atomically

FRAMES = 100  # about: what all steps together are shown in
STEPS = 12  # at most, between two layers
FRAME_MS, HELD_MS = 60, 1500  # of a frame, and of the first and the last
DOTS, PANEL = 100, 3.0  # an inch; inches
COLOURS = 32


@print_style()
def representation_layers(networks: Sequence[Traced], labels: np.ndarray) -> Figure:
    """The samples in the primal space z⁽ˡ⁾ of each layer shown, l = 0 the input's.

    Shapes: labels (N,) of 0 and 1, for the points of all networks.
    """
    figure, blocks = panels_of(networks)
    for network, panels in zip(networks, blocks, strict=True):
        for panel, place, z, limits in zip(
            panels, network.places, network.points, network.limits, strict=True
        ):
            show_frame(panel, limits, layer_name(place))
            show_points(panel, z, labels)
    return figure


def layers(subject: Subject, album: Album) -> None:
    """Where each layer has moved the points, as panels and in motion."""
    title, depth = f"Representation by layer: {subject.name}", subject.rows[0].row.depth
    figure = representation_layers(
        subject.traced(chosen_layers(depth, subject.most_panels), limits_of), subject.labels
    )
    gif = album.stem("layers", title).with_name(f"{album.stem('layers', title).name}.gif")
    representation_gif(subject.traced(range(depth + 1), limits_of), subject.labels, gif)
    caption = f"{subject.points} in the primal space z = ρ(u) after the layers named. {FRAMED}"
    album.add(figure, "layers", title, caption, gif)


@print_style()
def representation_gif(networks: Sequence[Traced], labels: np.ndarray, path: Path) -> Path:
    """Networks side by side; between two layers each point runs along a straight line, a drawing aid.

    The networks must be given at all their layers, and equally many. Shapes: labels (N,) of 0 and 1.
    """
    figure = Figure(figsize=(PANEL * len(networks), PANEL + 0.35), dpi=DOTS, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = list(figure.subplots(1, len(networks), squeeze=False).flat)
    for panel, network in zip(panels, networks, strict=True):
        show_frame(panel, _around(network.limits), network.title)
    frames = [Image.fromarray(pixels) for pixels in _frames(canvas, panels, networks, labels)]
    # one palette for all, of a frame that shows every colour
    palette = frames[0].quantize(COLOURS, dither=Image.Dither.NONE)
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [HELD_MS, *[FRAME_MS] * (len(frames) - 2), HELD_MS]
    moving: dict[str, Any] = {"save_all": True, "append_images": reduced[1:], "duration": times, "loop": 0}
    write_atomically(path, lambda file: reduced[0].save(file, format="GIF", optimize=False, **moving))
    return path


def _around(limits: Sequence[Limits]) -> Limits:
    """What holds all of them: an axis that moved with the points would hide that they move."""
    ends = np.array(limits)  # (layers, 2, 2)
    least, most = ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)
    return (float(least[0]), float(most[0])), (float(least[1]), float(most[1]))


def _frames(
    canvas: FigureCanvasAgg, panels: Sequence[Axes], networks: Sequence[Traced], labels: np.ndarray
) -> Iterator[np.ndarray]:
    """(height, width, 3) uint8 each; only points and layer number are drawn anew."""
    figure = canvas.figure
    heading = figure.suptitle("layer 0")
    points = [
        [panel.scatter([], [], s=9, c=colour, marker=marker, linewidths=0) for colour, marker in CLASSES]
        for panel in panels
    ]
    canvas.draw()  # settles the layout
    for artist in (heading, *(artist for pair in points for artist in pair)):
        artist.set_animated(True)
    canvas.draw()
    empty = canvas.copy_from_bbox(figure.bbox)
    for time in _times(len(networks[0].points) - 1):
        canvas.restore_region(empty)  # pyright: ignore[reportAttributeAccessIssue]
        heading.set_text(f"layer {int(time)}")
        figure.draw_artist(heading)
        for panel, pair, network in zip(panels, points, networks, strict=True):
            _place(pair, network, labels, time)
            for artist in pair:
                panel.draw_artist(artist)
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _times(last: int) -> list[float]:
    """0 … last in even steps, every whole number among them."""
    steps = max(1, min(STEPS, FRAMES // last))
    return [i / steps for i in range(last * steps + 1)]


def _place(pair: Sequence[PathCollection], network: Traced, labels: np.ndarray, time: float) -> None:
    before = min(int(time), len(network.points) - 2)
    share = time - before
    z = (1 - share) * network.points[before] + share * network.points[before + 1]
    for label, artist in enumerate(pair):
        artist.set_offsets(z[labels == label])
