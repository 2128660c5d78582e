"""Runs for the table, written by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.table import Options, Table, tables_of
from bregman_exp.runs import RunFolder

N = 100
COMMIT, OTHER = "a" * 40, "b" * 40
LINF, L2 = 0.71 / 255, 0.080
IMAGES = {"name": "cifar10", "label": "CIFAR-10", "fingerprint": "f" * 64}
SPIRAL = {"name": "two_spiral", "label": "two-spiral", "fingerprint": "5" * 64}


def entry(correct: int | None, id_: str = "pgd-linf-0.0028", n: int = N, **changes: object) -> dict[str, Any]:
    """One attack on n samples, of which so many are still right; norm and attack follow from the id."""
    attack, norm, size = id_.split("-")[:3]
    eps = {"pgd-linf-0.0028": LINF, "pgd-l2-0.08": L2}.get(id_, float(size))
    settings = {"attack": attack, "norm": norm, "eps": eps, "steps": 50, "restarts": 1, "loss": "ce"}
    figures = {"accuracy": None if correct is None else correct / n, "correct": correct, "n": n}
    return {"id": id_, **settings, **figures, "verdict": "unchecked", **changes}


def paper(linf: int | None, l2: int | None, n: int = N) -> list[dict[str, Any]]:
    """The suite of the published table, without its single-step attack in ℓ2."""
    step = entry(n // 2, "fgsm-linf-0.0047", n, eps=1.2 / 255, steps=1)
    return [entry(linf, n=n), entry(l2, "pgd-l2-0.08", n), step]


def record(
    clean: int, robust: Sequence[dict] = (), seed: int = 0, n: int = N, **changes: Any
) -> dict[str, Any]:
    model, act = changes.get("model", "resnet20"), changes.get("act", "relu")
    identity = {
        "schema": 1,
        "seed": seed,
        "model": model,
        "act": act,
        "version": "bregman" if model.startswith("bregman") else "standard",
        "row_hash": f"{model}-{act}",
        "weights": "last",
        "suite": "paper",
    }
    figures = {
        "dataset": IMAGES,
        "train": {"epochs": 182},
        "clean": {"accuracy": clean / n, "correct": clean, "n": n},
        "robust": list(robust),
        "environment": {"git": COMMIT},
    }
    return {**identity, **figures, **changes}


def write(folder: RunFolder, content: dict[str, Any]) -> RunFolder:
    """metrics.json, and predictions in which the first samples are the right ones."""
    n, clean = content["clean"]["n"], content["clean"]["correct"]
    labels = np.arange(n) % 3
    arrays = {"id": np.arange(n), "label": labels, "prediction": np.where(np.arange(n) < clean, labels, 3)}
    arrays |= {
        e["id"]: np.arange(n) < e["correct"] for e in content["robust"] if e.get("correct") is not None
    }
    folder.finish(content, arrays)
    return folder


def run(
    path: Path, clean: int, robust: Sequence[dict] = (), config: dict | None = None, **changes: Any
) -> RunFolder:
    """A complete run in a folder of this name."""
    folder = RunFolder(path)
    folder.begin(yaml.safe_dump({"seed": changes.get("seed", 0), **(config or {})}))
    return write(folder, record(clean, robust, **changes))


def row(
    place: Path, accuracies: Sequence[int], model: str = "resnet20", act: str = "relu", **changes: Any
) -> list[RunFolder]:
    """A run for each accuracy, seeds 0, 1, …"""
    return [
        run(place / f"{model}-{act}" / f"seed-{seed}-x", clean, seed=seed, model=model, act=act, **changes)
        for seed, clean in enumerate(accuracies)
    ]


def mlp(depth: int = 3, init: str = "random", version: str = "standard", epochs: int = 500) -> dict[str, Any]:
    """The config of an MLP on two-spiral, as far as a table looks at it."""
    return {
        "act": {"name": "atan"},
        "model": {"name": "mlp", "version": version, "depth": depth, "width": 2, "init": init},
        "dataset": {"name": "two_spiral", "noise": 1.0, "root": "somewhere"},
        "optim": {"lr": 0.01},
        "trainer": {"max_epochs": epochs, "batch_size": 16, "patience": None},
    }


def tables(runs: Sequence[RunFolder], options: Options | None = None) -> list[Table]:
    return tables_of(read_results(runs).frame, options)


def table(runs: Sequence[RunFolder], **asked: Any) -> Table:
    (one,) = tables(runs, Options(**asked))
    return one


def shown(one: Table) -> dict[str, list[str]]:
    """Row -> its accuracies as text."""
    rows = {}
    for name, _, *texts in one.texts:
        parts = [part for _, parts in one.groups for part in parts]
        rows[name.text] = [text.text for text, part in zip(texts, parts, strict=True) if not part]
    return rows


def cells(one: Table, name: str = "") -> list[dict[str, Any]]:
    """The cells of the row of this name, by default of all rows."""
    return [cell for cell in one.cells.to_dict("records") if name in ("", cell["row"])]


def columns(one: Table, fact: str = "heading") -> list[str]:
    return list(one.cells.drop_duplicates("column")[fact])


def all_notes(one: Table) -> str:
    return "\n".join([*one.footnotes, *one.remarks])
