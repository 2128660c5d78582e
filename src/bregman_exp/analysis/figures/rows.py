"""Complete runs, the rows they make, and which rows share a picture."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bregman_exp.analysis.figures.album import Groups
from bregman_exp.analysis.figures.style import STROKES
from bregman_exp.analysis.formats import counted
from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Facts, Frame, base_name, configs_of, row_names, start_name
from bregman_exp.runs.record import Version

PARTS = re.compile(r", (?![^\[(]*[\])])")  # between the parts of a name; a list's commas are inside brackets


def lines_of(frame: Frame) -> Frame:
    """The frame's figures of complete runs' own weights, sorted by row and seed; a seed counts once a row.

    More columns: the row's ``name`` as in tables, which have a data set each, and those of ``_shape``.
    """
    figures = frame[(frame["state"] == "complete") & (frame["id"] != "")]
    runs = own(figures).drop_duplicates([*ROW, "n", "seed"])
    rows = runs.drop_duplicates(ROW)
    shapes = pd.DataFrame(map(_shape, configs_of(rows)), rows.index, dtype=object)
    names = [pd.Series(row_names(part), part.index) for _, part in rows.groupby("data", sort=False)]
    rows = rows.assign(name=pd.concat(names))[[*ROW, "name"]].join(shapes)
    lines = runs[["run", "weights"]].merge(figures, on=["run", "weights"]).merge(rows, on=ROW)
    lines = lines.assign(order=lines["version"].map({str(v): place for place, v in enumerate(Version)}))
    return lines.sort_values(["depth", "init", "order", "act", "name", "seed"], kind="stable")


def _shape(config: Mapping[str, Any]) -> Facts:
    """``depth``: hidden layers of an MLP, the number in the name of a ResNet, 0 where it is not known;
    ``init``: "" of a model that is no MLP; ``architecture``, ``family``: see the groups below."""
    name, depth, widths = (config.get(f"model.{key}") for key in ("name", "depth", "widths"))
    if isinstance(widths, list):
        depth = len(widths)
    else:
        widths = [config.get("model.width")]
    return {
        "architecture": f"{name} {depth} {widths}",
        "family": re.sub(r"\d+", "", str(name)) + str(sorted(set(map(str, widths)))),
        "depth": depth if isinstance(depth, int) else 0,
        "init": str(config.get("model.init", "")),
    }


def own(lines: Frame) -> Frame:
    """A line for each run: its own figures of clean data."""
    clean = lines[(lines["evaluation"] == "") & (lines["id"] == "clean")]
    return clean.drop_duplicates("run").reset_index(drop=True)


def labelled(lines: Frame) -> Frame:
    """With a ``label``: model and activation, and what else of the row's name not all of them share."""
    parts = {name: PARTS.split(name) for name in lines["name"].unique()}
    shared = set.intersection(*map(set, parts.values()))
    labels = {n: ", ".join([p[0], *(part for part in p[1:] if part not in shared)]) for n, p in parts.items()}
    return lines.assign(label=lines["name"].map(labels))


def title_of(lines: Frame) -> str:
    """What they share, e.g. "two-spiral, mlp and bregman_mlp (atan), depth 3, identity or zero start"."""
    parts = [PARTS.split(name)[1:] for name in lines["name"].unique()]
    data, model, act, version, init = (
        list(lines[c].unique()) for c in ("data", "model", "act", "version", "init")
    )
    start = start_name(init[0], version[0]) if len(init) == 1 else ""
    shared = [part for part in parts[0] if part == start or all(part in other for other in parts)]
    starts = start_name(init[0], *version)
    named = base_name(" and ".join(model), ", ".join(act), {})
    return ", ".join([data[0], named, *(starts if part == start else part for part in shared)])


def _grouped(keys: list[str], lines: Frame) -> Groups:
    """Lines that agree in the keys; each activation is a group of its own where one picture
    cannot have all rows."""
    groups: list[Frame] = []
    for _, group in lines.groupby(["fingerprint", "weights", *keys], sort=False):
        many = group["name"].nunique() > len(STROKES)
        groups += [part for _, part in group.groupby("act", sort=False)] if many else [group]
    return [(title_of(group), labelled(group)) for group in groups]


# rows on one data set that differ in version, activation or training; those of any depth and init
same_architecture = partial(_grouped, ["architecture", "init"])
any_depth = partial(_grouped, ["family"])


def seed_counts(lines: Frame) -> str:
    """E.g. "mlp (atan): 3 seeds; bregman_mlp (atan): 1 seed"."""
    counts = lines.groupby("label", sort=False)["run"].nunique()
    return "; ".join(f"{label}: {counted(n, 'seed')}" for label, n in counts.items())
