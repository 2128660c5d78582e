"""Decodes one image file; run as a program, decodes many as a process of ``decoders.py``.

It imports only NumPy and PIL, so that such a process starts in a fraction of a second.
"""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from math import prod
from struct import Struct
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

# The formats for which PIL reports the bits a channel. PIL reads more, but it silently takes the upper 8 bits
# of AVIF and JPEG 2000, and runs another program for EPS.
FORMATS = ("BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP")
Image.init()  # without it only the common formats are registered
ENDINGS = frozenset(ending for ending, form in Image.registered_extensions().items() if form in FORMATS)
MAX_PIXELS = 50_000_000  # a file; 150 MB as RGB, and eight files are decoded at a time

ORIENTATION, BITS_PER_SAMPLE = 0x0112, 258  # tags of EXIF and TIFF
SIDEWAYS = (5, 6, 7, 8)  # the orientations that exchange height and width
MODES = {1: "L", 3: "RGB"}  # PIL's mode by the number of channels
GREY = ("1", "L", "LA")  # the modes of images without colour
PREFIX = Struct("<IIII")  # channels, height, width, length of the error message; pixels or message follow


class ImageError(ValueError):
    """An image that is refused; the message continues a sentence that begins with the file's path."""


class Header(NamedTuple):
    """Size of the upright image in pixels, PIL's mode, and whether EXIF asks for a rotation or flip."""

    height: int
    width: int
    mode: str
    reoriented: bool


def read_header(file: str) -> Header:
    """The header, without decoding; raises ImageError as ``decode``."""
    with _opened(file) as image:
        with _as_image_error():
            orientation = _orientation(image)
        swapped = orientation in SIDEWAYS and image.format != "TIFF"  # PIL gives the upright size of a TIFF
        width, height = image.size[::-1] if swapped else image.size
        return Header(height, width, image.mode, orientation != 1)


def decode(file: str, size: int | None, channels: int = 3, shorter: int | None = None) -> np.ndarray:
    """The pixels (C, H, W) uint8, oriented as EXIF says, resized to ``size`` × ``size`` if given (bilinear).

    With ``shorter`` the shorter side is resized to that, and the central ``size`` × ``size`` pixels are kept.
    With C = 3 grey becomes three equal channels; with C = 1 colour becomes its luma (ITU-R 601). Transparency
    is dropped. Raises ImageError for a broken image, for more than 8 bits a channel, several frames, another
    format, or more than MAX_PIXELS pixels.
    """
    with _opened(file) as image, _as_image_error():
        upright = ImageOps.exif_transpose(image).convert(MODES[channels])
    if size is not None:
        upright = _resized(upright, size, shorter)
    pixels = np.asarray(upright)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _resized(image: Image.Image, size: int, shorter: int | None) -> Image.Image:
    if shorter is None:
        return image.resize((size, size), Image.Resampling.BILINEAR)
    # rounded as torchvision's Resize and CenterCrop do
    width, height = (shorter * side // min(image.size) for side in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + size, top + size))


def _opened(file: str) -> ImageFile.ImageFile:
    """The image with its header read and checked; the pixels are not decoded yet."""
    try:
        with _as_image_error():
            image = Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # PIL's limits are above ours
        raise _too_large("too many") from None
    try:
        _check(image)
    except BaseException:
        image.close()
        raise
    return image


def _check(image: ImageFile.ImageFile) -> None:
    if image.format not in FORMATS:
        raise ImageError(f"is an image in the format {image.format}, which is not read; convert it to PNG")
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width}×{image.height}")
    if _bits(image) > 8:
        raise ImageError("has more than 8 bits a channel; convert it to 8 bits")
    if getattr(image, "is_animated", False) and image.format != "MPO":  # frame 1 of an MPO is the photograph
        raise ImageError("has several frames; keep one of them")


def _bits(image: ImageFile.ImageFile) -> int:
    """Bits a channel: 8, or 16 for more than 8, which ``convert`` would clip or truncate."""
    if image.mode[0] in "IF":
        return 16
    if image.format == "TIFF":
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))  # pyright: ignore[reportAttributeAccessIssue]
    args = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in image.tile]
    decoder_args = [arg for of_tile in args for arg in of_tile]  # e.g. "RGB;16B"
    if image.format == "PPM":  # an argument is the largest value
        return 16 if any(isinstance(arg, int) and arg > 255 for arg in decoder_args) else 8
    return 16 if any(";16" in arg for arg in decoder_args if isinstance(arg, str)) else 8


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:  # getexif would decode the whole file to find it
        return 1
    return image.getexif().get(ORIENTATION, 1)


@contextmanager
def _as_image_error() -> Generator[None]:
    """Turns PIL's errors into ImageError; PIL raises many types, among them SyntaxError and struct.error."""
    try:
        yield
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from PIL
            raise ImageError(f"cannot be read ({error.strerror}); make it readable or remove it") from error
        raise ImageError("is not a readable image; repair or remove it") from error


def _too_large(pixels: str) -> ImageError:
    return ImageError(f"has {pixels} pixels, the limit is {MAX_PIXELS:,}; make it smaller")


def write_header(stream: IO[bytes], file: str) -> None:
    """Writes the header, or the ImageError's message, as a line of JSON for ``header_from``."""
    try:
        content: object = read_header(file)
    except ImageError as error:
        content = str(error)
    stream.write(json.dumps(content).encode() + b"\n")


def header_from(stream: IO[bytes]) -> Header:
    """The next header. Raises ImageError as ``decode``, and EOFError at the end of the stream."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    content = json.loads(line)
    if isinstance(content, str):
        raise ImageError(content)
    return Header(*content)


def write_image(stream: IO[bytes], file: str, size: int | None, channels: int, shorter: int | None) -> None:
    """Writes the image, or the ImageError's message, for ``image_from``."""
    try:
        pixels, message = decode(file, size, channels, shorter), b""
    except ImageError as error:
        pixels, message = np.empty((channels, 0, 0), np.uint8), str(error).encode()
    stream.write(PREFIX.pack(*pixels.shape, len(message)) + (message or pixels.tobytes()))


def image_from(stream: IO[bytes]) -> np.ndarray:
    """The next image (C, H, W). Raises ImageError as ``decode``, and EOFError at the end of the stream."""
    *shape, length = PREFIX.unpack(_read(stream, PREFIX.size))
    if length:
        raise ImageError(_read(stream, length).decode())
    return np.frombuffer(_read(stream, prod(shape)), np.uint8).reshape(shape)


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def main() -> None:
    """Reads the task of ``decoders.py``, as JSON; writes the headers or images in order."""
    task = json.load(sys.stdin)
    for file in task["files"]:
        if task["headers"]:
            write_header(sys.stdout.buffer, file)
        else:
            write_image(sys.stdout.buffer, file, task["size"], task["channels"], task["shorter"])


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the reader has ended
        sys.stderr.close()
