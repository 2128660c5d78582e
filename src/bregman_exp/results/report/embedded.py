"""Pictures inside the page: as data URIs, in whatever form is smallest."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from bregman_exp.results.pictures.picture import Picture


@dataclass(frozen=True)
class EmbeddedPicture:
    """``uri``: the still picture, of ``width`` × ``height`` pixels of the PNG; ``animation``: "" for none."""

    what: str
    title: str
    caption: str
    uri: str
    width: int
    height: int
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
    return EmbeddedPicture(
        picture.what, picture.title, picture.caption, data_uri(content, kind), *size, animation
    )


def _webp(image: Image.Image) -> bytes:
    """The same pixels, in about half the bytes of a PNG."""
    stream = io.BytesIO()
    image.convert("RGB").save(stream, format="WEBP", lossless=True)
    return stream.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
