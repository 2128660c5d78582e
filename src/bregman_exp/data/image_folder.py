"""Any tree of images: root/{train,test}/<class>/, with whatever folders below."""

import hashlib
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
import torch

from bregman_exp.data.dataset import ClassificationData, Split, first_of, hold_out
from bregman_exp.data.pixels import decode_all
from bregman_exp.data.tree import Listing, left_out, list_split, list_tree

REMARKS = "remarks"  # beside the splits in the cache


def image_folder(
    root: str,
    cache_dir: Path,
    n_val: int = 5000,
    n_train: int | None = None,
    size: int | None = None,
    label: str | None = None,
    normalize: str | None = "cifar10",
) -> ClassificationData:
    """The images of a folder tree, decoded once, in parallel, into a cache outside the tree.

    root/train and root/test hold one folder a class, whose images may lie in folders below it; root/val,
    where there is one, is the validation split, else ``n_val`` training images are held out, always the same
    ones; ``n_train`` of the others are trained on (None: all). All images must have one size; ``size``
    resizes them to size × size pixels (bilinear). ``normalize`` names the channel statistics of the
    model's first layer. The formats are those of ``decoding.FORMATS``; EXIF's orientation is applied. The
    cache is made anew when a file's name, length, or time of content or of status (ctime) changes.

    Shapes: x (n, 3, H, W) uint8. ``remarks`` says what of the tree was left out or converted. Raises
    DataError, in one sentence, for a tree that is missing, empty or cannot be read, has a broken image,
    images of several sizes, of more than 8 bits a channel, of more than ``decoding.MAX_PIXELS`` pixels or
    together larger than the memory, or classes that differ between the splits.
    """
    tree = Path(root).expanduser()
    listings = list_tree(tree)
    arrays, converted = _cached(tree, listings, Path(cache_dir), size)
    splits = {name: _split(arrays[name], listing) for name, listing in listings.items()}
    train, val = (splits["train"], splits["val"]) if "val" in splits else hold_out(splits["train"], n_val)
    return ClassificationData(
        "image_folder",
        "folder",
        listings["train"].classes,
        first_of(train, n_train),
        val,
        splits["test"],
        normalize=normalize,
        label=label or tree.resolve().name,
        remarks=(*left_out(tree, listings), *converted),
    )


def first_image(root: str, size: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """An image (3, H, W) uint8 as ``image_folder`` gives it, and the classes, without reading the others."""
    listing = list_split(Path(root).expanduser() / "train")
    return decode_all(listing.files[:1], size)[0][0], listing.classes


def _split(x: np.ndarray, listing: Listing) -> Split:
    return Split(torch.from_numpy(x), torch.tensor(listing.labels), torch.arange(len(x)))


def _cached(
    tree: Path, listings: dict[str, Listing], cache_dir: Path, size: int | None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The decoded images of each split, (n, 3, H, W) uint8, from the cache where it is whole; the remarks."""
    cache = cache_dir / f"images-{_key(tree, listings, size)}.npz"
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in listings}, stored[REMARKS].tolist()
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pixels, remarks = decode_all([file for each in listings.values() for file in each.files], size)
    ends = np.cumsum([len(listing.files) for listing in listings.values()])
    arrays = dict(zip(listings, np.split(pixels, ends[:-1]), strict=True))
    _store(cache, arrays | {REMARKS: np.array(remarks, dtype=np.str_)})
    return arrays, remarks


def _store(cache: Path, arrays: dict[str, np.ndarray]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(f".{uuid4().hex}.part.npz")  # its own name: two runs may decode at once
    try:
        np.savez(part, **arrays)  # pyright: ignore[reportArgumentType]
        part.replace(cache)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}: no cache is written", str(cache)) from error
    finally:
        part.unlink(missing_ok=True)


def _key(tree: Path, listings: dict[str, Listing], size: int | None) -> str:
    digest = hashlib.sha256(repr((str(tree.resolve()), size)).encode())
    for listing in listings.values():
        for file in listing.files:
            stat = file.stat()
            about = (str(file.relative_to(tree)), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            digest.update(repr(about).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
