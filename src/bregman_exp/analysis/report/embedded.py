"""Pictures inside the page: as data URIs, in whatever form is smallest; a few of them in motion."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from bregman_exp.analysis.figures.album import DOTS, Picture, evenly

MOVING = 3  # animations in a page: each may take as much as ten pictures
LEFT_OUT = "scripts/pictures.py shows it in motion too."


@dataclass(frozen=True)
class EmbeddedPicture:
    """``uri``: the still picture, of ``width`` × ``height`` pixels of the PNG; ``animation``: "" for none.

    ``inches``: the width it was made for.
    """

    what: str
    title: str
    caption: str
    uri: str
    width: int
    height: int
    inches: float
    animation: str


def embedded(pictures: Sequence[Picture]) -> list[EmbeddedPicture]:
    """All of them; of the animations ``MOVING``, evenly spread, and at the others where to find theirs."""
    moving = evenly([picture for picture in pictures if picture.gif], MOVING)
    return [_embedded(picture, picture in moving) for picture in pictures]


def _embedded(picture: Picture, moving: bool) -> EmbeddedPicture:
    """The SVG or the pixels: thousands of points take less as pixels, a few curves as paths."""
    with Image.open(picture.png) as image:
        size, webp = image.size, _webp(image)
    forms = [
        (picture.png.read_bytes(), "image/png"),
        (picture.svg.read_bytes(), "image/svg+xml"),
        (webp, "image/webp"),
    ]
    content, kind = min(forms, key=lambda form: len(form[0]))
    animation = data_uri(picture.gif.read_bytes(), "image/gif") if picture.gif and moving else ""
    caption = f"{picture.caption} {LEFT_OUT}" if picture.gif and not moving else picture.caption
    uri = data_uri(content, kind)
    return EmbeddedPicture(picture.what, picture.title, caption, uri, *size, size[0] / DOTS, animation)


def _webp(image: Image.Image) -> bytes:
    """Every pixel in one of 256 colours, which no eye tells from all of them: a third of a PNG's bytes."""
    stream = io.BytesIO()
    few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.convert("RGB").save(stream, format="WEBP", lossless=True)
    return stream.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
