"""Pictures inside the page: as data URIs; a few of them in motion."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from bregman_exp.analysis.figures.album import Picture, evenly
from bregman_exp.analysis.figures.style import DOTS
from bregman_exp.analysis.names import Facts
from bregman_exp.terminal import command

MOVING = 3  # animations in a page: each may take as much as ten pictures
LEFT_OUT = f"{' '.join(command('pictures'))} shows it in motion too."
# Every channel in steps of 8, which look like all values: half of the bytes
STEPS = [min(255, (value + 4) // 8 * 8) for value in range(256)]


def embedded(pictures: Sequence[Picture]) -> list[Facts]:
    """``uri``: the still picture, of ``width`` × ``height`` pixels of the PNG; ``inches``: the width it was
    made for; ``animation``: a data URI for ``MOVING`` of the animations, evenly spread, "" for the others,
    whose ``caption`` says where to find theirs."""
    moving = evenly([picture for picture in pictures if picture.gif], MOVING)
    return [_embedded(picture, picture in moving) for picture in pictures]


def _embedded(picture: Picture, moving: bool) -> Facts:
    stream = io.BytesIO()
    with Image.open(picture.png) as image:
        width, height = image.size
        image.convert("RGB").point(STEPS * 3).save(stream, "WEBP", lossless=True, quality=50, method=1)
    return {
        "title": picture.title,
        "caption": f"{picture.caption} {LEFT_OUT}" if picture.gif and not moving else picture.caption,
        "uri": _data_uri(stream.getvalue(), "webp"),
        **{"width": width, "height": height, "inches": width / DOTS},
        "animation": _data_uri(picture.gif.read_bytes(), "gif") if picture.gif and moving else "",
    }


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
