"""Run folders put in order: the seeds of one row, the rows that belong in one picture."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bregman_exp import build
from bregman_exp.config import Mlp, Run, config_hash
from bregman_exp.results import RunFolder
from bregman_exp.results.pictures.style import STROKES, VERSIONS, Stroke

MOST = len(STROKES)  # rows in a picture
VERSION_NAMES = {"standard": "standard", "euclidean": "Euclidean", "bregman": "Bregman"}


@dataclass(frozen=True)
class Row:
    """Complete runs that differ only in their seed, which they are sorted by; with their metrics.json."""

    runs: tuple[Run, ...]
    folders: tuple[RunFolder, ...]
    records: tuple[dict[str, Any], ...]

    @property
    def run(self) -> Run:
        return self.runs[0]

    @property
    def record(self) -> dict[str, Any]:
        return self.records[0]

    @property
    def version(self) -> str:
        return self.run.model.version

    @property
    def act(self) -> str:
        return self.record["act"]

    @property
    def fingerprint(self) -> str:
        return self.record["dataset"]["fingerprint"]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def epochs(self) -> int:
        """The most that one of the runs was trained."""
        return max(record["train"]["epochs"] for record in self.records)

    @property
    def depth(self) -> int:
        """Hidden layers of an MLP, the number in the name of a ResNet."""
        return (
            len(self.run.model.hidden)
            if isinstance(self.run.model, Mlp)
            else getattr(self.run.model, "depth", 0)
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Of an MLP's hidden layers; none of a ResNet."""
        return tuple(self.run.model.hidden) if isinstance(self.run.model, Mlp) else ()

    @property
    def init(self) -> str:
        return self.run.model.init if isinstance(self.run.model, Mlp) else ""

    @property
    def family(self) -> str:
        return "MLP" if isinstance(self.run.model, Mlp) else "ResNet"

    @property
    def architecture(self) -> str:
        """E.g. "MLP, 30 × 2, deterministic start" or "resnet20"."""
        if not isinstance(self.run.model, Mlp):
            return self.run.model.name
        widths = self.widths
        layers = f"{len(widths)} × {widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths))
        return f"MLP, {layers}, {self.init} start"


def rows_of(folders: Iterable[RunFolder]) -> list[Row]:
    """The complete runs among the folders, in rows; a seed that is there twice counts once.

    Raises ConfigError or NotARunError, in one sentence, for damaged files.
    """
    groups: dict[Hashable, dict[int, tuple[Run, RunFolder, dict[str, Any]]]] = {}
    for folder in folders:
        if folder.complete:
            run, record = build.stored_run(folder), folder.read_metrics()
            key = record["row_hash"], record["weights"], record["clean"]["n"]
            groups.setdefault(key, {}).setdefault(run.seed, (run, folder, record))
    rows = [
        Row(*(tuple(part) for part in zip(*(seeds[seed] for seed in sorted(seeds)), strict=True)))
        for seeds in groups.values()
    ]
    order = list(VERSION_NAMES)
    return sorted(rows, key=lambda row: (row.depth, row.init, order.index(row.version), row.act))


def twins(rows: Iterable[Row]) -> list[list[Row]]:
    """Groups of rows that differ in their version alone, in the order of the versions."""

    def ignoring_the_version(row: Row) -> Hashable:
        one = replace(row.run, model=replace(row.run.model, version="standard"))
        return config_hash(one, row.act, row.fingerprint, with_seed=False), row.record["weights"]

    return _grouped(rows, ignoring_the_version)


def same_architecture(rows: Iterable[Row]) -> list[list[Row]]:
    """Groups of rows on one data set that differ in version, activation or training; in groups of more than
    ``MOST`` each activation is one of its own."""
    return _split_by_act(_grouped(rows, lambda row: (*_on(row), row.widths or row.depth, row.init)))


def any_depth(rows: Iterable[Row]) -> list[list[Row]]:
    """As ``same_architecture``, but of any depth and initialisation."""
    return _split_by_act(_grouped(rows, lambda row: (*_on(row), frozenset(row.widths))))


def _on(row: Row) -> tuple[str, ...]:
    return row.fingerprint, row.family, row.record["weights"]


def _split_by_act(groups: Sequence[list[Row]]) -> list[list[Row]]:
    found = []
    for group in groups:
        many = len({label_of(row, group) for row in group}) > MOST
        found += _grouped(group, lambda row: row.act) if many else [group]
    return found


def _grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def kind_of(row: Row, among: Sequence[Row]) -> str:
    """E.g. "Bregman", or "Bregman, tanh" where there are several activations."""
    several = len({other.act for other in among}) > 1
    return VERSION_NAMES[row.version] + (f", {row.act}" if several else "")


def label_of(row: Row, among: Sequence[Row]) -> str:
    """As ``kind_of``; rows it does not tell apart get the start of their hash, as in the table."""
    kind = kind_of(row, among)
    namesakes = [other for other in among if kind_of(other, among) == kind]
    return kind if len(namesakes) == 1 else f"{kind} [{row.record['row_hash'][:4]}]"


def strokes_of(labels: Sequence[str], versions: Sequence[str]) -> dict[str, Stroke]:
    """How each curve is drawn: the first of a version as that version always is, the others as none is."""
    found: dict[str, Stroke] = {}
    for label, version in zip(labels, versions, strict=True):
        if label not in found and VERSIONS[version] not in found.values():
            found[label] = VERSIONS[version]
    spare = [
        stroke for stroke in (*STROKES[len(VERSIONS) :], *VERSIONS.values()) if stroke not in found.values()
    ]
    rest = [label for label in dict.fromkeys(labels) if label not in found]
    return found | dict(zip(rest, spare, strict=False))
