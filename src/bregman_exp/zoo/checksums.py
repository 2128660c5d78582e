"""SHA256SUMS: the checksum of every file of published networks, as ``sha256sum -c`` reads it."""

from pathlib import Path

from bregman_exp.runs import NotARunError
from bregman_exp.runs.atomic import write_text
from bregman_exp.runs.metrics_file import digest
from bregman_exp.runs.reading import read_text

CHECKSUMS = "SHA256SUMS"
NOT_PUBLISHED = (CHECKSUMS, ".lock", ".DS_Store")


def write_checksums(folder: Path) -> None:
    """Writes SHA256SUMS over every other file in or below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_PUBLISHED)
    lines = [f"{digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    write_text(folder / CHECKSUMS, "".join(lines))


def check_files(folder: Path, name: str) -> dict[str, str]:
    """The SHA-256 of each file of the network ``name``, by its path inside.

    Later evaluations, logs and the like are not asked for. Raises NotARunError, in one sentence, for a file
    that is missing, that is not the published one, or that was not published.
    """
    own = folder / name
    lines = (line.partition("  ") for line in read_text(folder / CHECKSUMS).splitlines())
    recorded = {folder / path: checksum for checksum, _, path in lines if path.startswith(f"{name}/")}
    needed = [own / "config.yaml", own / "metrics.json", *own.glob("checkpoints/*.ckpt")]
    for path in dict.fromkeys([*recorded, *needed]):
        if path not in recorded or not path.is_file() or digest(path) != recorded[path]:
            fault = "is not the published file" if path in recorded else f"has no line in {CHECKSUMS}"
            fault = fault if path.is_file() else "is missing"
            raise NotARunError(f"{path} {fault}; bring back the published files of {name}.")
    return {path.relative_to(own).as_posix(): checksum for path, checksum in recorded.items()}
