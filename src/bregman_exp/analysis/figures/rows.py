"""Complete runs, the rows they make, and which rows share a picture."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp import build
from bregman_exp.analysis.figures.album import Groups
from bregman_exp.analysis.figures.style import STROKES
from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Frame, row_names, start_name
from bregman_exp.config import Mlp, Run, config_hash
from bregman_exp.runs import RunFolder
from bregman_exp.runs.record import Version

# settings that are named where the runs of an album differ in them; None for a run that has no such setting
VARIED: dict[str, Callable[[Run], float | None]] = {
    "lr": lambda run: run.optim.lr,
    "noise": lambda run: getattr(run.dataset, "noise", None),
}
NAMES = {Version.STANDARD: "standard", Version.EUCLIDEAN: "Euclidean", Version.BREGMAN: "Bregman"}


def lines_of(frame: Frame) -> tuple[Frame, list[str]]:
    """The frame's figures of complete runs' own weights, sorted by row and seed; a seed counts once a row.

    More columns: ``stored``, the row's config, parsed once, as YAML is slow, and those of ``_described``
    and ``_varied``.
    Also the names of rows whose config is of another version of this program; these are left out.
    """
    figures = frame[(frame["state"] == "complete") & (frame["id"] != "")]
    rows, unreadable = [], []
    for _, runs in own(figures).groupby([*ROW, "n"], sort=False):
        runs = runs.drop_duplicates("seed").sort_values("seed")
        first = runs.iloc[0]
        try:
            stored = build.stored_run(RunFolder(Path(first["run"])))
        except (ValueError, OSError):
            unreadable += row_names(runs.iloc[:1])
        else:
            described = _described(stored, first["act"], first["fingerprint"])
            rows.append(runs[["run", "weights"]].assign(stored=stored, **described))
    if not rows:
        return figures.iloc[:0], unreadable
    lines = pd.concat(rows).merge(figures, on=["run", "weights"])
    lines = lines.assign(order=lines["version"].map(list(NAMES).index), **_varied(lines["stored"]))
    return lines.sort_values(["depth", "init", "order", "act"], kind="stable"), unreadable


def own(lines: Frame) -> Frame:
    """A line for each run: its own figures of clean data."""
    clean = lines[(lines["evaluation"] == "") & (lines["id"] == "clean")]
    return clean.drop_duplicates("run").reset_index(drop=True)


def _described(stored: Run, act: str, fingerprint: str) -> dict[str, Any]:
    """``depth``: hidden layers of an MLP, the number in the name of a ResNet; ``widths`` that an MLP has;
    ``twins``: a hash which MLPs have in common that differ in version and seed alone."""
    model = stored.model
    if not isinstance(model, Mlp):
        shape = {"family": "ResNet", "architecture": model.name, "depth": getattr(model, "depth", 0)}
        return shape | dict.fromkeys(("init", "widths", "twins"), "")
    widths = list(map(str, model.hidden))
    layers = f"{len(widths)} × {widths[0]}" if len(set(widths)) == 1 else "-".join(widths)
    standard = replace(stored, model=replace(model, version=Version.STANDARD.value))
    twins = config_hash(standard, act, fingerprint, with_seed=False)
    shape = {"family": "MLP", "architecture": f"MLP, {layers}", "depth": len(widths)}
    return shape | {"init": model.init, "widths": " ".join(sorted(set(widths))), "twins": twins}


def _varied(stored: Iterable[Run]) -> dict[str, list[str]]:
    """For each of ``VARIED`` a text by line, e.g. "lr 0.1"; "" where these runs do not differ in it."""
    texts = {}
    for name, value in VARIED.items():
        values = [value(run) for run in stored]
        several = len(set(values) - {None}) > 1
        texts[name] = [f"{name} {x:g}" if several and x is not None else "" for x in values]
    return texts


def architecture_of(group: Frame) -> str:
    """Of lines that differ in version, activation or training, e.g. "MLP, 3 × 2, random start, noise 2"."""
    first = group.iloc[0]
    shared = [first[name] for name in VARIED if group[name].nunique() == 1]
    parts = (first["architecture"], start_name(first["init"], *group["version"]), *shared)
    return ", ".join(filter(None, parts))


def _grouped(keys: list[str], name: Callable[[Frame], str], lines: Frame) -> Groups:
    """Lines that agree in the keys; each activation is a group of its own where one picture
    cannot have all rows. A group is called by its ``name`` and its activations."""
    groups: list[Frame] = []
    for _, group in lines.groupby(keys, sort=False):
        group = labelled(group)
        many = group["label"].nunique() > len(STROKES)
        groups += [labelled(part) for _, part in group.groupby("act", sort=False)] if many else [group]
    return [(", ".join([name(group), *group["act"].unique()]), group) for group in groups]


# rows on one data set that differ in version, activation or training; those of any depth and init
same_architecture = partial(
    _grouped,
    ["fingerprint", "weights", "architecture", "init"],
    lambda group: f"{group['data'].iloc[0]}, {architecture_of(group)}",
)
any_depth = partial(
    _grouped,
    ["fingerprint", "weights", "family", "widths"],
    lambda group: f"{group['family'].iloc[0]}, {group['data'].iloc[0]}",
)


def labelled(lines: Frame) -> Frame:
    """With a ``version_name``, e.g. "Bregman", or "Bregman, tanh" where there are several activations, and a
    ``label``: the same with the learning rate where the lines differ in it, and for rows that share it with
    the start of their hash, as in the table."""
    names = lines["version"].map(NAMES) + (", " + lines["act"] if lines["act"].nunique() > 1 else "")
    labels = names + (", " + lines["lr"] if lines["lr"].nunique() > 1 else "")
    alone = lines.groupby(labels)["row"].transform("nunique") == 1
    return lines.assign(
        version_name=names, label=labels.where(alone, labels + " [" + lines["row"].str[:4] + "]")
    )


def seed_counts(lines: Frame) -> str:
    """E.g. "standard: 3 seeds, Bregman: 1 seed"."""
    counts = lines.groupby("label", sort=False)["run"].nunique()
    return ", ".join(f"{label}: {n} seed{'s' * (n > 1)}" for label, n in counts.items())
