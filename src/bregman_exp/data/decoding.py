"""One image file as pixels; run as a program, many of them: then it is a process of ``decoders.py``.

Imports NumPy and PIL alone, so that such a process starts in a fraction of a second.
"""

import json
import sys
from struct import Struct
from typing import IO

import numpy as np
from PIL import Image

HEADER = Struct("<III")  # height, width, length of the message in bytes; then the pixels, or the message


class ImageError(ValueError):
    """An image that cannot be taken as it is; the message ends the sentence that begins with its path."""


def decode(file: str, size: int | None) -> np.ndarray:
    """The pixels (3, H, W) uint8, resized to ``size`` × ``size`` where that is given (bilinear).

    Raises ImageError for a broken image and for one of more than 8 bits a channel.
    """
    try:
        with Image.open(file) as image:
            deep = image.mode[0] in "IF"  # more than 8 bits a channel: convert would clip them
            image = image.convert("RGB")
            if size is not None:
                image = image.resize((size, size), Image.Resampling.BILINEAR)
            pixels = np.asarray(image).transpose(2, 0, 1)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError("is not a readable image; repair or remove it") from error
    if deep:
        raise ImageError("has more than 8 bits a channel; convert it to 8 bits")
    return pixels


def write_image(stream: IO[bytes], file: str, size: int | None) -> None:
    """Writes the image, or what is wrong with it, as ``read_image`` reads it."""
    try:
        pixels, message = decode(file, size), b""
    except ImageError as error:
        pixels, message = np.empty((3, 0, 0), np.uint8), str(error).encode()
    stream.write(HEADER.pack(*pixels.shape[1:], len(message)) + (message or pixels.tobytes()))


def read_image(stream: IO[bytes]) -> np.ndarray:
    """The next image (3, H, W). Raises ImageError as ``decode`` does, EOFError where the stream has ended."""
    height, width, length = HEADER.unpack(_read(stream, HEADER.size))
    if length:
        raise ImageError(_read(stream, length).decode())
    return np.frombuffer(_read(stream, 3 * height * width), np.uint8).reshape(3, height, width)


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def main() -> None:
    """Reads {"files": […], "size": …} and writes the images in this order."""
    task = json.load(sys.stdin)
    for file in task["files"]:
        write_image(sys.stdout.buffer, file, task["size"])


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # nobody reads any more
        sys.stderr.close()
