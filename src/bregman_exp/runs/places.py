"""Where runs are looked for: folders, and globs that the shell did not expand."""

from collections.abc import Iterable
from glob import glob
from pathlib import Path

from bregman_exp.runs.run_folder import RunFolder, find_runs


def runs_at(words: Iterable[str]) -> list[RunFolder]:
    """The runs at or below folders, or below what globs name; a folder of this very name comes first.

    Raises ValueError, in one sentence, for a word that names no folder or one without runs.
    """
    return [run for word in words for run in _runs_at(word)]


def _runs_at(word: str) -> list[RunFolder]:
    places = [Path(place) for place in ([word] if Path(word).is_dir() else sorted(glob(word)))]
    folders = [place for place in places if place.is_dir()]
    if not folders:
        raise ValueError(f"there is no folder {word}; give folders that hold runs.")
    runs = find_runs(*folders)
    if not runs:
        raise ValueError(f"there are no runs in {word}; train some first.")
    return runs
