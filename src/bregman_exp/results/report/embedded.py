"""Pictures inside the page: as data URIs, in whatever form is smallest."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from bregman_exp.results.pictures.picture import Picture
from bregman_exp.results.pictures.style import DOTS


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


def embedded(pictures: Iterable[Picture]) -> list[EmbeddedPicture]:
    return [_embedded(picture) for picture in pictures]


def _embedded(picture: Picture) -> EmbeddedPicture:
    """The SVG or the pixels: thousands of points take less as pixels, a few curves as paths."""
    with Image.open(picture.png) as image:
        size, webp = image.size, _webp(image)
    forms = [
        (picture.png.read_bytes(), "image/png"),
        (picture.svg.read_bytes(), "image/svg+xml"),
        (webp, "image/webp"),
    ]
    content, kind = min(forms, key=lambda form: len(form[0]))
    animation = data_uri(picture.gif.read_bytes(), "image/gif") if picture.gif else ""
    words = picture.what, picture.title, picture.caption
    return EmbeddedPicture(*words, data_uri(content, kind), *size, size[0] / DOTS, animation)


def _webp(image: Image.Image) -> bytes:
    """Every pixel in one of 256 colours, which no eye tells from all of them: a third of a PNG's bytes."""
    stream = io.BytesIO()
    few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.convert("RGB").save(stream, format="WEBP", lossless=True)
    return stream.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
