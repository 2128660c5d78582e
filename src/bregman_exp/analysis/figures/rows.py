"""The rows of pictures: the seeds of one, and which of them belong in one picture."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bregman_exp import build
from bregman_exp.analysis.figures.style import STROKES, VERSIONS, Stroke
from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Frame, row_names
from bregman_exp.config import Mlp, Run, config_hash
from bregman_exp.runs import RunFolder
from bregman_exp.runs.record import Version

MOST = len(STROKES)  # rows in a picture
VERSION_NAMES: dict[str, str] = {
    Version.STANDARD: "standard",
    Version.EUCLIDEAN: "Euclidean",
    Version.BREGMAN: "Bregman",
}


@dataclass(frozen=True)
class Row:
    """Complete runs that differ only in their seed. ``run``: the config of the first.

    ``runs``: lines of the frame, by seed, their own figures of clean data; ``figures``: all of these weights.
    """

    run: Run
    runs: Frame
    figures: Frame

    def about(self, name: str) -> Any:
        """What the first run says, e.g. of "data"."""
        return self.runs[name].iloc[0]

    @property
    def folders(self) -> list[RunFolder]:
        return [RunFolder(Path(path)) for path in self.runs["run"]]

    @property
    def version(self) -> str:
        return self.run.model.version

    @property
    def act(self) -> str:
        return self.about("act")

    @property
    def fingerprint(self) -> str:
        return self.about("fingerprint")

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(map(int, self.runs["seed"]))

    @property
    def epochs(self) -> int:
        """The most that one of the runs was trained."""
        return int(self.runs["epochs"].max())

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


def rows_of(frame: Frame) -> tuple[list[Row], list[str]]:
    """The complete runs in rows, a seed that is there twice once; and the names of rows of another version of
    this program, which do not count. A row's config is parsed once, as YAML is slow."""
    figures = frame[(frame["state"] == "complete") & (frame["id"] != "")]
    own = figures[(figures["evaluation"] == "") & (figures["id"] == "clean")].drop_duplicates("run")
    rows, unread = [], []
    for _, runs in own.groupby([*ROW, "n"], sort=False):
        runs = runs.drop_duplicates("seed").sort_values("seed")
        used = figures[figures["run"].isin(runs["run"]) & (figures["weights"] == runs["weights"].iloc[0])]
        try:
            rows.append(Row(build.stored_run(RunFolder(Path(runs["run"].iloc[0]))), runs, used))
        except (ValueError, OSError):
            unread += row_names(runs.iloc[:1])
    order = list(VERSION_NAMES)
    return sorted(rows, key=lambda row: (row.depth, row.init, order.index(row.version), row.act)), unread


def twins(rows: Iterable[Row]) -> list[list[Row]]:
    """Groups of rows that differ in their version alone, in the order of the versions."""

    def ignoring_the_version(row: Row) -> Hashable:
        one = replace(row.run, model=replace(row.run.model, version=Version.STANDARD.value))
        return config_hash(one, row.act, row.fingerprint, with_seed=False), row.about("weights")

    return _grouped(rows, ignoring_the_version)


def same_architecture(rows: Iterable[Row]) -> list[list[Row]]:
    """Groups of rows on one data set that differ in version, activation or training; in groups of more than
    ``MOST`` each activation is one of its own."""
    return _split_by_act(_grouped(rows, lambda row: (*_on(row), row.widths or row.depth, row.init)))


def any_depth(rows: Iterable[Row]) -> list[list[Row]]:
    """As ``same_architecture``, but of any depth and initialisation."""
    return _split_by_act(_grouped(rows, lambda row: (*_on(row), frozenset(row.widths))))


def _on(row: Row) -> tuple[str, ...]:
    return row.fingerprint, row.family, row.about("weights")


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
    return kind if len(namesakes) == 1 else f"{kind} [{row.about('row')[:4]}]"


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


def place_of(rows: Sequence[Row]) -> str:
    """E.g. "two-spiral, MLP, 3 × 2, random start, atan"."""
    acts = ", ".join(distinct(row.act for row in rows))
    return f"{rows[0].about('data')}, {rows[0].architecture}, {acts}"


def distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
