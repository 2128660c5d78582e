"""The content of metrics.json: its terms, and how it is made."""

import platform
import subprocess
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

SCHEMA = 2  # see metrics_file.py for what the readers check


class Verdict(StrEnum):
    RELIABLE = "reliable"
    UNRELIABLE = "unreliable"
    DEGENERATE = "degenerate"
    UNCHECKED = "unchecked"


class CheckStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Version(StrEnum):
    STANDARD = "standard"
    EUCLIDEAN = "euclidean"
    BREGMAN = "bregman"


class Weights(StrEnum):
    LAST = "last"
    BEST = "best"
    EMA = "ema"


def start_name(init: str, *versions: str) -> str:
    """How networks of these versions start with ``model.init``, e.g. "random start"; "" without an init.

    ``init=deterministic`` makes each layer of a standard network the identity, which a Bregman network is at
    zero weights: "identity start", "zero start", or "identity or zero start" of both.
    """
    if init == "deterministic":
        starts = {"zero" if version == Version.BREGMAN else "identity" for version in versions}
        init = " or ".join(sorted(starts))
    return f"{init} start" if init else ""


def clean_entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """The figure on clean data in the form of an attack's."""
    return {"id": "clean", "verdict": "", **record["clean"]}


def metrics_record(
    *,
    identity: Mapping[str, Any],
    dataset: Mapping[str, Any],
    train: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    device: str,
) -> dict[str, Any]:
    """metrics.json, schema 2: accuracies are fractions, ε in units of data in [0, 1], times in seconds.

    ``RunFolder.finish`` adds the SHA-256s: ``files``, of those beside it, and ``sha256``, of all the rest.

    ``identity``: config_hash, row_hash (the same without the seed), seed, model, act, version, weights.
    ``evaluation``: the parts clean, robust, checks, and evaluation, how the figures were computed; ``train``
    says the same of the training (form, precision, compiled, fused, tf32).
    """
    return {
        "schema": SCHEMA,
        "status": "complete",
        **identity,
        "dataset": dict(dataset),
        "train": dict(train),
        **evaluation,
        "environment": environment(device),
    }


def environment(device: str) -> dict[str, str]:
    """What the figures were obtained with."""
    return {
        "torch": version("torch"),
        "python": platform.python_version(),
        "device": device,
        "git": _git_commit(),
        "bregman_exp": version("bregman-exp"),
    }


def _git_commit() -> str:
    """The commit of the checkout this file lies in, marked if it has changes; "" in an installed wheel."""
    here = Path(__file__).parent
    try:
        tracked = _git(here, "ls-files", "--error-unmatch", Path(__file__).name)
        commit, changes = _git(here, "rev-parse", "HEAD"), _git(here, "status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("-dirty" if changes else "") if tracked else ""


def _git(folder: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
