"""One image file as pixels; run as a program, many of them: then it is a process of ``decoders.py``.

Imports NumPy and PIL alone, so that such a process starts in a fraction of a second.
"""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from struct import Struct
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

# Those of which PIL says how many bits a channel has. It reads more, but of AVIF and JPEG 2000 it takes the
# upper 8 bits without a word, and for EPS it runs another program.
FORMATS = ("BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP")
Image.init()  # else only the usual formats are registered
ENDINGS = frozenset(ending for ending, form in Image.registered_extensions().items() if form in FORMATS)
MAX_PIXELS = 50_000_000  # of a file, 150 MB as RGB: eight are decoded at a time

ORIENTATION, BITS_PER_SAMPLE = 0x0112, 258  # the numbers of the tags in EXIF and TIFF
SIDEWAYS = (5, 6, 7, 8)  # the orientations that exchange height and width
PREFIX = Struct("<III")  # height, width, length of the message in bytes; then the pixels, or the message


class ImageError(ValueError):
    """An image that cannot be taken as it is; the message ends the sentence that begins with its path."""


class Header(NamedTuple):
    """What a file says of its image: pixels once it stands upright, PIL's mode, whether it must be turned."""

    height: int
    width: int
    mode: str
    turned: bool


def read_header(file: str) -> Header:
    """The header alone, without decoding; raises ImageError as ``decode`` does."""
    with _opened(file) as image:
        with _as_image_error():
            orientation = _orientation(image)
        lies = orientation in SIDEWAYS and image.format != "TIFF"  # whose size is already the upright one
        width, height = image.size[::-1] if lies else image.size
        return Header(height, width, image.mode, orientation != 1)


def decode(file: str, size: int | None) -> np.ndarray:
    """The pixels (3, H, W) uint8, upright as EXIF says, resized to ``size`` × ``size`` if given (bilinear).

    Grey becomes three equal channels, transparency is dropped. Raises ImageError for a broken image, one of
    more than 8 bits a channel, of several frames, of another format, or of more than MAX_PIXELS pixels.
    """
    with _opened(file) as image, _as_image_error():
        upright = ImageOps.exif_transpose(image).convert("RGB")
    if size is not None:
        upright = upright.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(upright).transpose(2, 0, 1)


def _opened(file: str) -> ImageFile.ImageFile:
    """The image with its header read, and found acceptable; the pixels are still in the file."""
    try:
        with _as_image_error():
            image = Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # PIL's limits lie above ours
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
    if getattr(image, "is_animated", False) and image.format != "MPO":  # there the first is the photograph
        raise ImageError("has several frames; keep one of them")


def _bits(image: ImageFile.ImageFile) -> int:
    """Bits a channel: 8, or 16 for any that are more, which ``convert`` would clip or cut off."""
    if image.mode[0] in "IF":
        return 16
    if image.format == "TIFF":
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))  # pyright: ignore[reportAttributeAccessIssue]
    settings = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in image.tile]
    how = [each for of_tile in settings for each in of_tile]  # what the decoders are told, e.g. "RGB;16B"
    if image.format == "PPM":  # the largest value
        return 16 if any(isinstance(each, int) and each > 255 for each in how) else 8
    return 16 if any(";16" in each for each in how if isinstance(each, str)) else 8


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:  # PIL would decode it all to look for a late one
        return 1
    return image.getexif().get(ORIENTATION, 1)


@contextmanager
def _as_image_error() -> Generator[None]:
    """What PIL raises becomes an ImageError: a dozen kinds, SyntaxError and struct.error among them."""
    try:
        yield
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not PIL's
            raise ImageError(f"cannot be read ({error.strerror}); permit it or remove it") from error
        raise ImageError("is not a readable image; repair or remove it") from error


def _too_large(pixels: str) -> ImageError:
    return ImageError(f"has {pixels} pixels, {MAX_PIXELS:,} are the limit; make it smaller")


def write_header(stream: IO[bytes], file: str) -> None:
    """Writes the header, or what is wrong with the image, as ``header_from`` reads it: a line of JSON."""
    try:
        content: object = read_header(file)
    except ImageError as error:
        content = str(error)
    stream.write(json.dumps(content).encode() + b"\n")


def header_from(stream: IO[bytes]) -> Header:
    """The next header. Raises ImageError as ``decode`` does, EOFError where the stream has ended."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    content = json.loads(line)
    if isinstance(content, str):
        raise ImageError(content)
    return Header(*content)


def write_image(stream: IO[bytes], file: str, size: int | None) -> None:
    """Writes the image, or what is wrong with it, as ``image_from`` reads it."""
    try:
        pixels, message = decode(file, size), b""
    except ImageError as error:
        pixels, message = np.empty((3, 0, 0), np.uint8), str(error).encode()
    stream.write(PREFIX.pack(*pixels.shape[1:], len(message)) + (message or pixels.tobytes()))


def image_from(stream: IO[bytes]) -> np.ndarray:
    """The next image (3, H, W). Raises ImageError as ``decode`` does, EOFError where the stream has ended."""
    height, width, length = PREFIX.unpack(_read(stream, PREFIX.size))
    if length:
        raise ImageError(_read(stream, length).decode())
    return np.frombuffer(_read(stream, 3 * height * width), np.uint8).reshape(3, height, width)


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def main() -> None:
    """Reads {"files": […], "headers": …, "size": …}, writes their headers, or their images, in this order."""
    task = json.load(sys.stdin)
    for file in task["files"]:
        if task["headers"]:
            write_header(sys.stdout.buffer, file)
        else:
            write_image(sys.stdout.buffer, file, task["size"])


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # nobody reads any more
        sys.stderr.close()
