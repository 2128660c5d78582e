"""Any tree of images: root/{train,test}/<class>/*.{png,jpg}."""

import hashlib
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from bregman_exp.data.dataset import ClassificationData, Split, first_of, hold_out
from bregman_exp.data.decoders import decoded
from bregman_exp.data.decoding import ImageError
from bregman_exp.data.errors import DataError

ENDINGS = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class _Listing:
    """The files of one split with their labels, in the order of the classes and names."""

    files: list[Path]
    labels: list[int]
    classes: tuple[str, ...]


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

    root/train and root/test hold one folder a class; root/val, where there is one, is the validation split,
    else ``n_val`` training images are held out, always the same ones; ``n_train`` of the others are trained
    on (None: all). All images must have one size;
    ``size`` resizes them to size × size pixels (bilinear). ``normalize`` names the channel statistics of the
    model's first layer. The cache is made anew when a file's name, length or time changes.

    Shapes: x (n, 3, H, W) uint8. Raises DataError, in one sentence, for a tree that is missing, empty, has a
    broken image, images of several sizes or of more than 8 bits a channel, or classes that differ between
    the splits.
    """
    tree = Path(root).expanduser()
    listings = {name: _list(tree / name) for name in ("train", "test")}
    if (tree / "val").is_dir():
        listings["val"] = _list(tree / "val")
    _check_classes(tree, listings)
    arrays = _cached(tree, listings, Path(cache_dir), size)
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
    )


def first_image(root: str, size: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """An image (3, H, W) uint8 as ``image_folder`` gives it, and the classes, without reading the others."""
    listing = _list(Path(root).expanduser() / "train")
    return _decode_all(listing.files[:1], "train", size)[0], listing.classes


def _split(x: np.ndarray, listing: _Listing) -> Split:
    return Split(torch.from_numpy(x), torch.tensor(listing.labels), torch.arange(len(x)))


def _list(folder: Path) -> _Listing:
    if not folder.is_dir():
        raise DataError(
            f"dataset.root: there is no folder {folder}; the tree must be root/{{train,test}}/<class>/*."
        )
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(
            f"dataset.root: {folder} has no class folders; put one folder of images a class there."
        )
    files, labels = [], []
    for number, name in enumerate(classes):
        images = sorted(p for p in (folder / name).iterdir() if p.suffix.lower() in ENDINGS)
        if not images:
            raise DataError(
                f"dataset.root: {folder / name} has no .png or .jpg image; add some or remove it."
            )
        files += images
        labels += [number] * len(images)
    return _Listing(files, labels, tuple(classes))


def _check_classes(tree: Path, listings: dict[str, _Listing]) -> None:
    train = set(listings["train"].classes)
    for name, listing in listings.items():
        different = sorted(train ^ set(listing.classes))
        if different:
            raise DataError(
                f"dataset.root: the classes of {tree / 'train'} and {tree / name} differ in "
                f"{', '.join(different)}; both need the same class folders."
            )
    if len(train) < 2:
        raise DataError(
            f"dataset.root: {tree / 'train'} has one class, {train.pop()}; at least 2 are needed."
        )


def _cached(
    tree: Path, listings: dict[str, _Listing], cache_dir: Path, size: int | None
) -> dict[str, np.ndarray]:
    """The decoded images of each split, (n, 3, H, W) uint8, from the cache where it is whole."""
    cache = cache_dir / f"images-{_key(tree, listings, size)}.npz"
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in listings}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        arrays = {name: _decode_all(listing.files, name, size) for name, listing in listings.items()}
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {a.shape[2]}×{a.shape[3]}" for name, a in arrays.items())
        raise DataError(
            f"dataset.root: the splits have images of different sizes ({shapes}); use dataset.size=…."
        )
    _store(cache, arrays)
    return arrays


def _store(cache: Path, arrays: dict[str, np.ndarray]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(f".{uuid4().hex}.part.npz")  # its own name: two runs may decode at once
    try:
        np.savez(part, **arrays)  # pyright: ignore[reportArgumentType]
        part.replace(cache)
    finally:
        part.unlink(missing_ok=True)


def _key(tree: Path, listings: dict[str, _Listing], size: int | None) -> str:
    digest = hashlib.sha256(repr((str(tree.resolve()), size)).encode())
    for listing in listings.values():
        for file in listing.files:
            stat = file.stat()
            digest.update(f"{file.relative_to(tree)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _decode_all(files: Sequence[Path], name: str, size: int | None) -> np.ndarray:
    console = Console(file=sys.stderr)
    images: list[np.ndarray] = []
    try:
        with closing(decoded(files, size)) as each:
            quiet = not console.is_terminal
            for image in track(each, f"decoding {name}", len(files), console=console, disable=quiet):
                images.append(image)
    except ImageError as error:
        raise DataError(f"dataset.root: {files[len(images)]} {error}.") from error
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"dataset.root: {file} has {image.shape[2]}×{image.shape[1]} pixels, {files[0]} has "
                f"{images[0].shape[2]}×{images[0].shape[1]}; use dataset.size=… to make them one size."
            )
    return np.ascontiguousarray(np.stack(images))  # stack keeps the decoder's strides
