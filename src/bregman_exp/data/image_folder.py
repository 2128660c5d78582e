"""Any tree of images: root/{train,test}/<class>/, with any folders below."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
import torch

from bregman_exp.data.dataset import ClassificationData, Split, at_most, hold_out
from bregman_exp.data.pixels import decode_all
from bregman_exp.data.statistics import COMPUTED, channel_statistics
from bregman_exp.data.tree import FOLDERS, Listing, list_split, list_tree, skipped_remarks

REMARKS = "remarks"  # a key of the cache, beside the splits


def image_folder(
    root: str,
    cache_dir: Path,
    n_val: int | None = None,
    n_train: int | None = None,
    size: int | None = None,
    channels: int | None = None,
    label: str | None = None,
    normalize: str | None = COMPUTED,
    *,
    shorter: int | None = None,
    folders: Mapping[str, str] = FOLDERS,
) -> ClassificationData:
    """The images of a folder tree, decoded once, in parallel, into a cache outside the tree.

    root/train and root/test have one folder a class, whose images may be in folders below it. The validation
    split is root/val if it exists, else a fixed choice of ``n_val`` training images (None: a tenth, at most
    5,000); ``n_train`` of the others are trained on (None: all). All images must have the same size, unless
    ``size`` resizes them to size × size pixels (bilinear). ``channels`` is 1 or 3 (None: 1 if all images are
    grey, else 3). ``normalize`` names the channel statistics of the model's first layer; "computed" stands
    for those of the training split. The formats are ``decoding.FORMATS``; the EXIF orientation is applied;
    the cache is rebuilt when the name, length, mtime or ctime of a file changes. ``shorter``: as in
    ``decoding.decode``; ``folders``: the folder of each split below the root.
    Shapes: x (n, 1 or 3, H, W) uint8. ``remarks`` says what was skipped or converted. Raises DataError for a
    tree that is missing, empty or unreadable, for a broken image, for images of several sizes, of more than 8
    bits a channel, of more than ``decoding.MAX_PIXELS`` pixels or together larger than the memory, and for
    classes that differ between the splits.
    """
    listings = list_tree(tree := Path(root).expanduser(), folders)
    arrays, converted = _cached(tree, listings, Path(cache_dir), size, channels, shorter)
    splits = {name: _split(arrays[name], listing) for name, listing in listings.items()}
    train, val = (splits["train"], splits["val"]) if "val" in splits else hold_out(splits["train"], n_val)
    own = _split_remarks(n_val, len(val)) if "val" in splits else []
    train = at_most(train, n_train)
    return ClassificationData(
        "image_folder",
        "folder",
        listings["train"].classes,
        train,
        val,
        splits["test"],
        normalize=channel_statistics(train.x) if normalize == COMPUTED else normalize,
        label=label or tree.resolve().name,
        remarks=(*skipped_remarks(tree, listings, folders), *own, *converted),
    )


def _split_remarks(n_val: int | None, images: int) -> list[str]:
    """A remark if ``n_val`` is given beside val/, where it has no effect."""
    if n_val in (None, images):
        return []
    return [f"dataset.n_val={n_val} has no effect: the validation images are the {images:,} of val/."]


def first_image(
    root: str, size: int | None = None, channels: int | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The first image (C, H, W) uint8 and the classes.

    The image is as ``image_folder`` decodes it, but that looks at all images to choose the channels.
    """
    listing = list_split(Path(root).expanduser() / "train")
    return decode_all(listing.files[:1], size, channels)[0][0], listing.classes


def _split(x: np.ndarray, listing: Listing) -> Split:
    return Split(torch.from_numpy(x), torch.tensor(listing.labels), torch.arange(len(x)))


def _cached(
    tree: Path,
    listings: dict[str, Listing],
    cache_dir: Path,
    size: int | None,
    channels: int | None,
    shorter: int | None,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The images of each split (n, C, H, W) uint8, from the cache if it is intact, and the remarks."""
    cache = cache_dir / f"images-{_key(tree, listings, (size, channels, shorter))}.npz"
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in listings}, stored[REMARKS].tolist()
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        files = [file for listing in listings.values() for file in listing.files]
        pixels, remarks = decode_all(files, size, channels, shorter)
    ends = np.cumsum([len(listing.files) for listing in listings.values()])
    arrays = dict(zip(listings, np.split(pixels, ends[:-1]), strict=True))
    _store(cache, arrays | {REMARKS: np.array(remarks, dtype=np.str_)})
    return arrays, remarks


def _store(cache: Path, arrays: dict[str, np.ndarray]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(f".{uuid4().hex}.part.npz")  # a unique name: two runs may decode at once
    try:
        np.savez(part, **arrays)  # pyright: ignore[reportArgumentType]
        part.replace(cache)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}: no cache written", str(cache)) from error
    finally:
        part.unlink(missing_ok=True)


def _key(tree: Path, listings: dict[str, Listing], form: tuple[int | None, ...]) -> str:
    """``form``: size, channels and shorter; usual values are left out, since older versions had no others."""
    size, channels, shorter = form
    more = () if (channels, shorter) == (3, None) else (channels,) if shorter is None else (channels, shorter)
    digest = hashlib.sha256(repr((str(tree.resolve()), size, *more)).encode())
    for listing in listings.values():
        for file in listing.files:
            stat = file.stat()
            state = (str(file.relative_to(tree)), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            digest.update(repr(state).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
