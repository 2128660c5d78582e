"""The representation layer by layer, in motion."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image

from bregman_exp.analysis.figures.networks import Networks
from bregman_exp.analysis.figures.panels import limits_of, show_frame
from bregman_exp.analysis.figures.style import CLASSES

FRAMES = 100  # about: of the whole animation
STEPS = 12  # at most, between two layers
FRAME_MS, HELD_MS = 60, 1500  # of a frame, and of the first and the last
DOTS, PANEL = 100, 3.0  # an inch; inches
COLOURS, NEARLY_WHITE = 32, 240


def animation(networks: Networks) -> bytes:
    """A GIF of networks side by side; between layers points run straight, as a drawing aid."""
    shown, steps = networks.shown, max(1, min(STEPS, FRAMES // len(networks.widths)))
    figure = Figure(figsize=(PANEL * len(shown), PANEL + 0.35), dpi=DOTS, layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    moving: list[tuple[PathCollection, np.ndarray]] = []
    for panel, (i, title) in zip(panels, shown.items(), strict=True):
        ends = np.array([limits_of(networks.primal_range(i), z) for z in networks.layers[i]])  # (L + 1, 2, 2)
        # what holds all of them: an axis that moved with the points would hide that they move
        x, y = zip(ends[..., 0].min(axis=0), ends[..., 1].max(axis=0), strict=True)
        show_frame(panel, (x, y), title)
        paths = _straight_paths(np.stack(networks.layers[i]), steps)
        for label, (colour, marker) in enumerate(CLASSES):
            marks = panel.scatter([], [], s=9, c=colour, marker=marker, linewidths=0, animated=True)
            moving.append((marks, paths[:, networks.labels == label]))
    frames = list(_frames(figure, moving, steps))
    palette = frames[0].quantize(COLOURS, dither=Image.Dither.NONE)  # the first frame shows every colour
    colours = np.array(palette.getpalette()).reshape(-1, 3)  # means of similar ones, so that white is a grey
    colours[colours.min(axis=1) > NEARLY_WHITE] = 255
    palette.putpalette(colours.ravel().tolist())
    first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    times = [HELD_MS, *[FRAME_MS] * (len(frames) - 2), HELD_MS]
    look = {"append_images": others, "duration": times, "loop": 0, "optimize": False}
    first.save(content := BytesIO(), "GIF", save_all=True, **look)
    return content.getvalue()


def _straight_paths(z: np.ndarray, steps: int) -> np.ndarray:
    """In equal steps from layer to layer: z (L + 1, N, 2) -> (L · steps + 1, N, 2)."""
    share = np.tile(np.arange(steps) / steps, len(z) - 1)[:, None, None]
    before, after = (np.repeat(ends, steps, axis=0) for ends in (z[:-1], z[1:]))
    return np.concatenate([(1 - share) * before + share * after, z[-1:]])


def _frames(
    figure: Figure, moving: Sequence[tuple[PathCollection, np.ndarray]], steps: int
) -> Iterator[Image.Image]:
    """Only the points and the layer's number are redrawn; ``moving``: points, and their places by frame."""
    canvas, heading = FigureCanvasAgg(figure), figure.suptitle("layer 0", animated=True)
    canvas.draw()
    empty = canvas.copy_from_bbox(figure.bbox)
    for frame in range(len(moving[0][1])):
        canvas.restore_region(empty)  # pyright: ignore[reportAttributeAccessIssue]
        heading.set_text(f"layer {frame // steps}")
        figure.draw_artist(heading)
        for marks, places in moving:
            marks.set_offsets(places[frame])
            figure.draw_artist(marks)
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
