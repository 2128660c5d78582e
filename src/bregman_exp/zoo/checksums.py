"""SHA256SUMS: the checksum of every file of published networks, as ``sha256sum -c`` reads it."""

from collections.abc import Collection
from pathlib import Path

from bregman_exp.runs import NotARunError
from bregman_exp.runs.atomic import write_text
from bregman_exp.runs.metrics_file import digest
from bregman_exp.runs.reading import read_text

CHECKSUMS = "SHA256SUMS"
NOT_PUBLISHED = (".lock", ".DS_Store", "run.log", "evaluations")


def write_checksums(folder: Path, names: Collection[str]) -> None:
    """Writes the lines of these networks into SHA256SUMS; those of the others stay as they were published."""
    recorded = _recorded(folder) if (folder / CHECKSUMS).is_file() else {}
    others = {place.name for place in folder.iterdir() if place.is_dir()} - set(names)
    kept = {path: checksum for path, checksum in recorded.items() if path.partition("/")[0] in others}
    files = [path for name in names for path in (folder / name).rglob("*") if path.is_file()]
    paths = {path.relative_to(folder) for path in files}
    published = {path.as_posix() for path in paths if not set(path.parts[1:]) & set(NOT_PUBLISHED)}
    sums = kept | {path: digest(folder / path) for path in published}
    write_text(folder / CHECKSUMS, "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)))


def _recorded(folder: Path) -> dict[str, str]:
    """The checksum of each file, by its path inside the folder."""
    lines = (line.partition("  ") for line in read_text(folder / CHECKSUMS).splitlines())
    return {path: checksum for checksum, _, path in lines}


def check_files(folder: Path, name: str) -> dict[str, str]:
    """The SHA-256 of each file of the network ``name``, by its path inside.

    Later evaluations, logs and the like are not asked for. Raises NotARunError, in one sentence, for a file
    that is missing, that is not the published one, or that was not published.
    """
    own = folder / name
    sums = _recorded(folder).items()
    recorded = {folder / path: checksum for path, checksum in sums if path.startswith(f"{name}/")}
    needed = [own / "config.yaml", own / "metrics.json", *own.glob("checkpoints/*.ckpt")]
    for path in dict.fromkeys([*recorded, *needed]):
        if path not in recorded or not path.is_file() or digest(path) != recorded[path]:
            fault = "is not the published file" if path in recorded else f"has no line in {CHECKSUMS}"
            fault = fault if path.is_file() else "is missing"
            raise NotARunError(f"{path} {fault}; bring back the published files of {name}.")
    return {path.relative_to(own).as_posix(): checksum for path, checksum in recorded.items()}
