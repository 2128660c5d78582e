"""The pictures of what is on record: accuracy by depth, learning curves, accuracy by ε."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from bregman_exp.cli.pictures.album import Album
from bregman_exp.cli.pictures.rows import Row, kind_of, label_of, strokes_of
from bregman_exp.results import NotARunError, RunFolder
from bregman_exp.results.pictures.depth import ByDepth, accuracy_by_depth
from bregman_exp.results.pictures.learning import learning_curves
from bregman_exp.results.pictures.robust import NORMS, RobustCurve, robust_accuracy_by_size
from bregman_exp.results.pictures.spread import SPREAD, Curve, mean_interval
from bregman_exp.results.reading import read_text
from bregman_exp.results.table import SETTINGS

QUANTITIES = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
NOT_THE_ATTACK = ("id", "eps")  # of a table's settings: a curve goes through several ε
CHANCE = {"two_spiral": 1 / 2, "cifar10": 1 / 10}  # by name of the data set, where the classes are known
Value = TypeVar("Value")
Entry = dict[str, Any]  # of "robust" in metrics.json
Point = tuple[float, tuple[float, float], str]  # accuracy, its 95 % interval, verdict


def depth(rows: Sequence[Row], album: Album) -> None:
    """Accuracy by depth, a panel for each initialisation."""
    first = rows[0]
    name = f"{first.family}, {first.record['dataset']['label']}, {', '.join(_once(r.act for r in rows))}"
    if len({row.depth for row in rows}) < 2:
        return album.leave_out("depth", "one depth only", name)
    chosen = _longest_trained(rows)
    panels = {
        f"{init} start" if init else "": _by_depth([row for row in chosen if row.init == init], chosen)
        for init in _once(row.init for row in chosen)
    }
    chance = CHANCE.get(first.record["dataset"]["name"])
    caption = _depth_caption(chosen, len(rows) - len(chosen), chance is not None)
    album.add(accuracy_by_depth(panels, chance), "depth", f"Accuracy by depth: {name}", caption)


def _longest_trained(rows: Sequence[Row]) -> list[Row]:
    best: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = row.version, row.act, row.init, row.depth
        if key not in best or (row.epochs, len(row.seeds)) > (best[key].epochs, len(best[key].seeds)):
            best[key] = row
    return list(best.values())


def _by_depth(rows: Sequence[Row], among: Sequence[Row]) -> list[ByDepth]:
    kinds = {kind_of(row, among): row.version for row in among}
    strokes = strokes_of(list(kinds), list(kinds.values()))
    found = {kind: ByDepth(kind, strokes[kind], {}) for kind in kinds}
    for row in rows:
        found[kind_of(row, among)].accuracies[row.depth] = [r["clean"]["accuracy"] for r in row.records]
    return [kind for kind in found.values() if kind.accuracies]


def _depth_caption(rows: Sequence[Row], left_out: int, dotted: bool) -> str:
    epochs = {row.depth: _once(r.epochs for r in rows if r.depth == row.depth) for row in rows}
    told = "; ".join(
        f"{depth}: {' or '.join(map(str, numbers))}" for depth, numbers in sorted(epochs.items())
    )
    counts = sorted({len(row.seeds) for row in rows})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    more = f" Of each kind the longest trained; {left_out} other rows are left out." if left_out else ""
    return (
        f"Faint points: one seed each, {seeds} a kind and depth; curves: their mean with its 95 % interval "
        f"(Student's t over seeds, cut to 0–100 %){'; dotted: chance' if dotted else ''}. "
        f"Epochs by depth: {told}.{more}"
    )


def curves(rows: Sequence[Row], album: Album) -> None:
    """Loss and accuracy by epoch."""
    labels = [label_of(row, rows) for row in rows]
    strokes = strokes_of(labels, [row.version for row in rows])
    drawn: dict[str, list[Curve]] = {quantity: [] for quantity in QUANTITIES}
    for label, row in zip(labels, rows, strict=True):
        for quantity, values in learned(row).items():
            epochs = np.arange(1, values.shape[1] + 1)
            drawn[quantity].append(Curve(label, strokes[label], epochs, values))
    counts = ", ".join(
        f"{label}: {len(row.seeds)} seed{'s' * (len(row.seeds) > 1)}"
        for label, row in zip(labels, rows, strict=True)
    )
    album.add(
        learning_curves(drawn),
        "curves",
        f"Learning curves: {_place(rows)}",
        "Loss and accuracy by epoch on the training data (as seen during the epoch) and the validation data. "
        f"{SPREAD} Epochs that all seeds of a row have; {counts}.",
    )


def learned(row: Row) -> dict[str, np.ndarray]:
    """(seeds, epochs) of each quantity, accuracies in percent, for the epochs that all seeds have."""
    tables = [_read_curves(folder) for folder in row.folders]
    epochs = min(len(table) for table in tables)
    return {
        quantity: np.array([[float(line[quantity]) for line in table[:epochs]] for table in tables])
        * (100 if quantity.endswith("accuracy") else 1)
        for quantity in QUANTITIES
    }


def _read_curves(folder: RunFolder) -> list[dict[str, str]]:
    """The lines of metrics.csv; ValueError, in one sentence, where there are none or others than recorded."""
    if not folder.curves_as_recorded:
        raise ValueError(f"{folder.curves} is missing or damaged")
    try:
        lines = list(csv.DictReader(read_text(folder.curves).splitlines()))
    except (OSError, NotARunError):
        lines = []
    try:
        usable = bool(lines) and all(
            float(line[name]) == float(line[name]) for line in lines for name in QUANTITIES
        )
    except (KeyError, TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError(f"{folder.curves} is missing or damaged")
    return lines


def robust(rows: Sequence[Row], album: Album) -> None:
    """Accuracy by ε, a picture for each attack (with its settings) that was run at two ε of a norm."""
    labels = [label_of(row, rows) for row in rows]
    strokes = strokes_of(labels, [row.version for row in rows])
    by_attack: dict[str, dict[str, list[RobustCurve]]] = {}
    counts: dict[str, dict[str, int]] = {}
    for label, row in zip(labels, rows, strict=True):
        for (attack, norm), seeds in _attacked(row).items():
            if len({eps for seed in seeds for eps in seed}) > 2:  # with ε = 0, the clean samples
                curve = _robust_curve(label, strokes[label], seeds)
                by_attack.setdefault(attack, {}).setdefault(norm, []).append(curve)
                counts.setdefault(attack, {})[label] = len(seeds)
    if not by_attack:
        why = "no attack was run at two ε of a norm; evaluate attack=curve"
        album.leave_out("robust", why, _place(rows))
    for attack, norms in by_attack.items():
        ordered = {norm: norms[norm] for norm in NORMS if norm in norms}
        images = rows[0].record["dataset"]["name"] != "two_spiral"
        title = f"Accuracy by size of the perturbation: {json.loads(attack)['attack']}, {_place(rows)}"
        caption = _robust_caption(attack, counts[attack], rows[0].record["clean"]["n"])
        album.add(robust_accuracy_by_size(ordered, images), "robust", title, caption)


def _attacked(row: Row) -> dict[tuple[str, str], list[dict[float, Point]]]:
    """By (attack, its settings and number of samples; norm): for each seed that has it the points by ε."""
    found: dict[tuple[str, str], list[dict[float, Point]]] = {}
    for folder, record in zip(row.folders, row.records, strict=True):
        of_seed: dict[tuple[str, str], dict[float, Point]] = {}
        for content in [record, *_later(folder, record["weights"])]:
            for entry in content["robust"]:
                if entry["accuracy"] is not None:
                    points = of_seed.setdefault(
                        (_attack(entry), entry["norm"]), {0.0: _point(content["clean"])}
                    )
                    points.setdefault(entry["eps"], _point(entry))
        for key, points in of_seed.items():
            found.setdefault(key, []).append(points)
    return found


def _later(folder: RunFolder, weights: str) -> list[dict[str, Any]]:
    """What evaluate.py added, of the same weights."""
    contents = [place.read_metrics() for place in folder.evaluations if place.complete]
    return [content for content in contents if content["weights"] == weights]


def _attack(entry: Entry) -> str:
    names = ("attack", "n", *(name for name in SETTINGS if name not in NOT_THE_ATTACK))
    return json.dumps({name: entry[name] for name in names if entry.get(name) is not None})


def _point(entry: Entry) -> Point:
    return entry["accuracy"], tuple(entry["ci95"]), entry.get("verdict", "")


def _robust_curve(label: str, stroke: Any, seeds: Sequence[Mapping[float, Point]]) -> RobustCurve:
    sizes = sorted({eps for seed in seeds for eps in seed})
    there = [[seed[eps] for seed in seeds if eps in seed] for eps in sizes]
    intervals = [
        mean_interval([accuracy for accuracy, _, _ in points])
        if len(points) > 1
        else (points[0][0], *points[0][1])
        for points in there
    ]
    doubted = [any(verdict in ("unreliable", "degenerate") for _, _, verdict in points) for points in there]
    middle, lower, upper = np.clip(np.array(intervals), 0, 1).T
    return RobustCurve(label, stroke, np.array(sizes), middle, lower, upper, np.array(doubted))


def _robust_caption(attack: str, counts: Mapping[str, int], clean: int) -> str:
    """``counts``: the seeds that were attacked so, by label; ``clean``: the number of clean samples."""
    settings = json.loads(attack)
    name, n = settings.pop("attack"), settings.pop("n")
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    seeds = ", ".join(f"{label}: {number} seed{'s' * (number > 1)}" for label, number in counts.items())
    return (
        f"{name}{f' ({told})' if told else ''} on {n} test samples; at ε = 0 clean data, {clean} samples. "
        "Several seeds: mean and 95 % interval of Student's t over them; one seed: 95 % interval of Wilson "
        "over the samples (either cut to 0–100 %). Hollow: a check failed, or the classifier is constant. "
        f"{seeds}."
    )


def _place(rows: Sequence[Row]) -> str:
    """E.g. "two-spiral, MLP, 3 × 2, random start, atan"."""
    acts = ", ".join(_once(row.act for row in rows))
    return f"{rows[0].record['dataset']['label']}, {rows[0].architecture}, {acts}"


def _once(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))
