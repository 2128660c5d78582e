"""The representation layer by layer, as panels and in motion."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import TWO_NEURONS, Networks, twins
from bregman_exp.analysis.figures.panels import FRAMED, layer_panels, limits_of, show_frame
from bregman_exp.analysis.figures.style import CLASSES, scatter

FRAMES = 100  # about: of the whole animation
STEPS = 12  # at most, between two layers
FRAME_MS, HELD_MS = 60, 1500  # of a frame, and of the first and the last
DOTS, PANEL = 100, 3.0  # an inch; inches
COLOURS = 32


@Kind("Representation by layer", twins, *TWO_NEURONS)
def layers(networks: Networks) -> list[Drawing]:
    """The samples in the primal space z⁽ˡ⁾ of each layer, l = 0 the input's."""
    figure, panels = layer_panels(networks, len(networks.widths))
    for panel in panels:
        scatter(panel.axes, panel.z, networks.labels, zorder=3)
    caption = f"{networks.points} in the primal space z = ρ(u) after the layers named. {FRAMED}"
    return [Drawing(figure, caption, gif=_animation(networks))]


def _animation(networks: Networks) -> bytes:
    """A GIF of networks side by side; between layers points run straight, as a drawing aid."""
    shown = networks.shown
    figure = Figure(figsize=(PANEL * len(shown), PANEL + 0.35), dpi=DOTS, layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for panel, (i, title) in zip(panels, shown.items(), strict=True):
        ends = np.array([limits_of(networks.nets[i], z) for z in networks.layers[i]])  # (L + 1, 2, 2)
        # what holds all of them: an axis that moved with the points would hide that they move
        x, y = zip(ends[..., 0].min(axis=0), ends[..., 1].max(axis=0), strict=True)
        show_frame(panel, (x, y), title)
    points = [np.stack(networks.layers[i]) for i in shown]
    first, *others = map(Image.fromarray, _frames(figure, panels, points, networks.labels))
    palette = first.quantize(COLOURS, dither=Image.Dither.NONE)  # the first frame shows every colour
    first, *others = (each.quantize(palette=palette, dither=Image.Dither.NONE) for each in (first, *others))
    times = [HELD_MS, *[FRAME_MS] * (len(others) - 1), HELD_MS]
    moving: dict[str, Any] = {"save_all": True, "append_images": others, "duration": times, "loop": 0}
    first.save(content := BytesIO(), format="GIF", optimize=False, **moving)
    return content.getvalue()


def _frames(
    figure: Figure, panels: Sequence[Axes], points: Sequence[np.ndarray], labels: np.ndarray
) -> Iterator[np.ndarray]:
    """(height, width, 3) uint8 each; only points, (L + 1, N, 2), and the layer's number are redrawn."""
    canvas = FigureCanvasAgg(figure)
    heading = figure.suptitle("layer 0")
    moving = [
        (panel, z[:, labels == label], panel.scatter([], [], s=9, c=colour, marker=marker, linewidths=0))
        for panel, z in zip(panels, points, strict=True)
        for label, (colour, marker) in enumerate(CLASSES)
    ]
    canvas.draw()  # settles the layout
    for artist in (heading, *(artist for _, _, artist in moving)):
        artist.set_animated(True)
    canvas.draw()
    empty = canvas.copy_from_bbox(figure.bbox)
    last = len(points[0]) - 1
    steps = max(1, min(STEPS, FRAMES // last))
    for step in range(last * steps + 1):
        canvas.restore_region(empty)  # pyright: ignore[reportAttributeAccessIssue]
        heading.set_text(f"layer {step // steps}")
        figure.draw_artist(heading)
        before = min(step // steps, last - 1)
        share = step / steps - before
        for panel, z, artist in moving:
            artist.set_offsets((1 - share) * z[before] + share * z[before + 1])
            panel.draw_artist(artist)
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
