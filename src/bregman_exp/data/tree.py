"""The image files of a folder tree with their labels, and remarks on what is skipped."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bregman_exp.data.dataset import DataError
from bregman_exp.data.decoding import ENDINGS

FOLDERS = {"train": "train", "val": "val", "test": "test"}  # split -> its folder
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}  # in lower case


@dataclass(frozen=True)
class Listing:
    """The files of one split with their labels, in the order of classes and paths.

    ``skipped`` counts the files that are not images, by ending ("" for none).
    """

    files: list[Path]
    labels: list[int]
    classes: tuple[str, ...]
    skipped: Counter[str]


def list_tree(tree: Path, folders: Mapping[str, str] = FOLDERS) -> dict[str, Listing]:
    """The listing of each split of ``folders``; "val" only if that folder exists. Links are followed.

    Raises DataError for a tree that is missing or empty, for a folder that is unreadable or reached twice,
    for a broken link, and for classes that differ between the splits.
    """
    needed = {name: folder for name, folder in folders.items() if name != "val" or (tree / folder).is_dir()}
    listings = {name: list_split(tree / folder, folders) for name, folder in needed.items()}
    train = set(listings["train"].classes)
    for name, listing in listings.items():
        different = sorted(train ^ set(listing.classes))
        if different:
            raise DataError(
                f"dataset.root: the classes of {tree / 'train'} and {tree / folders[name]} differ in "
                f"{', '.join(different)}; both need the same class folders."
            )
    if len(train) < 2:
        raise DataError(
            f"dataset.root: {tree / 'train'} has one class, {train.pop()}; at least 2 are needed."
        )
    return listings


def list_split(folder: Path, folders: Mapping[str, str] = FOLDERS) -> Listing:
    """The files of root/<split>, one folder a class; raises DataError as ``list_tree``."""
    if not folder.is_dir():
        raise DataError(
            f"dataset.root: there is no folder {folder}; the tree must be "
            f"root/{{{folders['train']},{folders['test']}}}/<class>/*."
        )
    entries = _entries(folder)
    classes = [entry.name for entry in entries if entry.is_dir()]
    if not classes:
        raise DataError(
            f"dataset.root: {folder} has no class folders; put one folder of images for each class there."
        )
    files, labels = [], []
    skipped = Counter(_ending(Path(entry.path)) for entry in entries if not entry.is_dir())
    visited: set[tuple[int, int]] = set()
    for number, name in enumerate(classes):
        all_files = sorted(_files_below(folder / name, visited))
        images = [file for file in all_files if _ending(file) in ENDINGS]
        skipped.update(_ending(file) for file in all_files if _ending(file) not in ENDINGS)
        if not images:
            raise DataError(f"dataset.root: {folder / name} has no image; add some or remove it.")
        files += images
        labels += [number] * len(images)
    return Listing(files, labels, tuple(classes), skipped)


def skipped_remarks(tree: Path, listings: dict[str, Listing], used: Mapping[str, str] = FOLDERS) -> list[str]:
    """A sentence about skipped files and a sentence about unused folders, where there are any."""
    skipped = sum((listing.skipped for listing in listings.values()), Counter[str]())
    folders = [e.name for e in _entries(tree) if e.is_dir() and e.name not in used.values()]
    remarks, name = [], tree.resolve().name
    if skipped:
        remarks.append(
            f"dataset.root: {skipped.total()} files of {name} are skipped, since they are not images in "
            f"a class folder ({counts(skipped)}); files with {', '.join(sorted(ENDINGS))} are read."
        )
    if folders:
        remarks.append(f"dataset.root: the folders {', '.join(folders)} of {name} are not used.")
    return remarks


def counts(counter: Counter[str]) -> str:
    """E.g. ".txt 2, without ending 1"."""
    return ", ".join(f"{name or 'without ending'} {n}" for name, n in sorted(counter.items()))


def _ending(file: Path) -> str:
    return file.suffix.lower()


def _files_below(folder: Path, visited: set[tuple[int, int]]) -> Iterator[Path]:
    """All files in the folder and below it, in no particular order."""
    stat = folder.stat()
    if (stat.st_dev, stat.st_ino) in visited:
        raise DataError(
            f"dataset.root: {folder} is a link to a folder that has been read already; remove it."
        )
    visited.add((stat.st_dev, stat.st_ino))
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _files_below(Path(entry.path), visited)
        elif entry.is_file():
            yield Path(entry.path)
        else:
            state = "is a broken link" if entry.is_symlink() else "is not a file"
            raise DataError(f"dataset.root: {entry.path} {state}; repair or remove it.")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of the folder, sorted by name, without hidden and system files."""
    try:
        with os.scandir(folder) as entries:
            shown = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in SYSTEM_FILES]
    except OSError as error:
        raise DataError(
            f"dataset.root: the folder {folder} cannot be read ({error.strerror}); make it readable or "
            "remove it."
        ) from None
    return sorted(shown, key=lambda entry: entry.name)
