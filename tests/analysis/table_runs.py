"""Run folders written by hand, and the tables of them as text."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.table import Options, Table, render, tables_of
from bregman_exp.runs import RunFolder

N = 100
COMMIT, OTHER = "a" * 40, "b" * 40
LINF = 0.71 / 255
IMAGES = {"name": "cifar10", "label": "CIFAR-10", "fingerprint": "f" * 64}
SPIRAL = {"name": "two_spiral", "label": "two-spiral", "fingerprint": "5" * 64}


def entry(correct: int | None, id_: str = "pgd-linf-0.0028", n: int = N, **changes: object) -> dict[str, Any]:
    """One attack on n samples, of which ``correct`` are still right; attack and norm follow from the id."""
    attack, norm, size = id_.split("-")[:3]
    settings = {"attack": attack, "norm": norm, "eps": LINF if size == "0.0028" else float(size)}
    settings |= {"steps": 50, "restarts": 1, "loss": "ce", "verdict": "unchecked"}
    accuracy = None if correct is None else correct / n
    return {"id": id_, **settings, "accuracy": accuracy, "correct": correct, "n": n, **changes}


def paper(linf: int | None, l2: int | None, n: int = N) -> list[dict[str, Any]]:
    """The suite of the published table, without its single-step attack in ℓ2."""
    step = entry(n // 2, "fgsm-linf-0.0047", n, eps=1.2 / 255, steps=1)
    return [entry(linf, n=n), entry(l2, "pgd-l2-0.08", n), step]


def record(
    clean: int, robust: Sequence[dict] = (), seed: int = 0, n: int = N, **changes: Any
) -> dict[str, Any]:
    """The content of metrics.json; a change to None leaves the key out."""
    model, act = changes.get("model", "resnet20"), changes.get("act", "gelu")
    identity = {"schema": 1, "seed": seed, "model": model, "act": act, "row_hash": f"{model}-{act}"}
    identity |= {"version": "bregman" if model.startswith("bregman") else "standard"}
    figures = {"clean": {"accuracy": clean / n, "correct": clean, "n": n}, "robust": list(robust)}
    about = {"weights": "last", "suite": "paper", "dataset": IMAGES, "train": {"epochs": 182}}
    whole = {**identity, **figures, **about, "environment": {"git": COMMIT}, **changes}
    return {key: value for key, value in whole.items() if value is not None}


def write(folder: RunFolder, content: dict[str, Any]) -> RunFolder:
    """metrics.json, and predictions in which the first samples are the right ones."""
    n = content["clean"]["n"]
    sample, labels = np.arange(n), np.arange(n) % 3
    arrays = {"id": sample, "label": labels}
    arrays["prediction"] = np.where(sample < content["clean"]["correct"], labels, 3)
    arrays |= {e["id"]: sample < e["correct"] for e in content["robust"] if e.get("correct") is not None}
    folder.finish(content, arrays)
    return folder


def run(
    path: Path, clean: int, robust: Sequence[dict] = (), config: dict | None = None, **changes: Any
) -> RunFolder:
    """A complete run in a folder of this name."""
    folder = RunFolder(path)
    folder.begin(yaml.safe_dump({"seed": changes.get("seed", 0), **(config or {})}))
    return write(folder, record(clean, robust, **changes))


def added(folder: RunFolder, name: str, clean: int, robust: Sequence[dict], **changes: Any) -> RunFolder:
    """The run, with a later evaluation of this name."""
    seed = folder.read_metrics()["seed"]
    write(folder.evaluation(name), record(clean, robust, **{"seed": seed, **changes}))
    return folder


def row(place: Path, accuracies: Sequence[int], *robust: dict, **changes: Any) -> list[RunFolder]:
    """A run for each accuracy, seeds 0, 1, …"""
    name = f"{changes.get('model', 'resnet20')}-{changes.get('act', 'gelu')}"
    return [
        run(place / name / f"seed-{seed}-x", clean, robust, seed=seed, **changes)
        for seed, clean in enumerate(accuracies)
    ]


def unfinished(
    path: Path, config: dict, error: Exception | None = None, note: dict | None = None
) -> RunFolder:
    """A run that failed with this error, or that was interrupted."""
    folder = RunFolder(path)
    folder.begin(yaml.safe_dump(config), note)
    if error:
        folder.fail(error)
    return folder


def mlp(depth: int = 3, init: str = "random", version: str = "standard", epochs: int = 500) -> dict[str, Any]:
    """The config of an MLP on two-spiral, as far as a table looks at it."""
    return {
        "act": {"name": "atan"},
        "model": {"name": "mlp", "version": version, "depth": depth, "width": 2, "init": init},
        "dataset": {"name": "two_spiral", "noise": 1.0, "root": "somewhere"},
        "optim": {"lr": 0.01},
        "trainer": {"max_epochs": epochs, "batch_size": 16, "patience": None},
    }


def spiral(place: Path, accuracies: Sequence[int], **shape: Any) -> list[RunFolder]:
    """A row of MLPs on two-spiral."""
    config = mlp(**shape)
    model = "bregman_mlp" if config["model"]["version"] == "bregman" else "mlp"
    facts = {"dataset": SPIRAL, "train": {"epochs": 500}, "config": config, "model": model, "act": "atan"}
    hashed = {"row_hash": "".join(map(str, shape.values())) or "mlp"}
    return row(place / hashed["row_hash"], accuracies, **facts, **hashed)


def expected(name: str) -> str:
    """A whole output, made in the folder of the runs."""
    return (Path(__file__).parent / "expected" / name).read_text()


def tables(runs: Sequence[RunFolder], **asked: Any) -> list[Table]:
    return tables_of(read_results(runs).frame, Options(**{"must_agree": True, **asked}))[0]


def pages(runs: Sequence[RunFolder], **asked: Any) -> list[str]:
    """Each table as Markdown: caption, rows, footnotes, remarks."""
    return [render([table], "markdown") for table in tables(runs, **asked)]


def page(runs: Sequence[RunFolder], **asked: Any) -> str:
    (text,) = pages(runs, **asked)
    return text


def cells(runs: Sequence[RunFolder], **asked: Any) -> list[dict[str, str]]:
    """The table's cells as its CSV has them, a row after the other."""
    return list(csv.DictReader(io.StringIO(render(tables(runs, **asked), "cells"))))
