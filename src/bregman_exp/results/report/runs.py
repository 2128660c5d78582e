"""Every run of a report, also those that are not complete."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bregman_exp.results.reading import read_json, read_text, shown
from bregman_exp.results.run_folder import NotARunError, RunFolder
from bregman_exp.results.soundness import ConfigFault, fault_of
from bregman_exp.results.stored_config import StoredConfig, stored_config
from bregman_exp.results.table.names import row_names
from bregman_exp.results.table.rows import Row
from bregman_exp.results.table.settings import Record
from bregman_exp.results.table.trained_run import TrainedRun, read_record, trained_run
from bregman_exp.results.table.unfinished import training_of, unfinished_run

STATES = ("complete", "running", "interrupted", "failed", "damaged")


@dataclass(frozen=True)
class Evaluation:
    """The figures of one suite: the run's own, or what evaluate.py added; ``folder``: where they lie."""

    folder: str
    record: Record

    @property
    def name(self) -> str:
        return f"{self.record.get('suite') or 'clean'}, {self.record['weights']} weights"

    @property
    def entries(self) -> list[Record]:
        """Clean data, then each attack."""
        return [{"id": "clean", "verdict": "", **self.record["clean"]}, *self.record["robust"]]

    @property
    def checks(self) -> list[Record]:
        return self.record.get("checks", [])


@dataclass(frozen=True)
class Failure:
    """``part``: "" for the run itself, else the evaluation that failed."""

    error: str
    where: str = ""
    traceback: str = ""
    part: str = ""


@dataclass(frozen=True)
class ReportedRun:
    """``row``: the name of its row; ``trained``: what a table takes from it, if it is complete."""

    folder: RunFolder
    state: str
    row: str
    seed: int | None
    config: StoredConfig = field(default_factory=dict)
    trained: TrainedRun | None = None
    evaluations: tuple[Evaluation, ...] = ()
    failures: tuple[Failure, ...] = ()
    number: int = 0

    @property
    def anchor(self) -> str:
        return f"run-{self.number}"

    @property
    def own(self) -> Record | None:
        return self.evaluations[0].record if self.evaluations else None

    @property
    def checks(self) -> list[Record]:
        return [check for evaluation in self.evaluations for check in evaluation.checks]

    @property
    def failed_checks(self) -> list[Record]:
        return [check for check in self.checks if check["status"] == "failed"]

    @property
    def experiment(self) -> str:
        return str(self.config.get("experiment_name") or self.folder.path.parent.parent.name)

    @property
    def config_text(self) -> str:
        """config.yaml without the seed, which is what tells the runs of a row apart."""
        try:
            lines = shown(read_text(self.folder.config)).splitlines()
        except (OSError, ValueError):
            return ""
        return "\n".join(line for line in lines if not line.startswith("seed:"))


def reported_runs(
    folders: Iterable[RunFolder], weights: str | None = None, config_fault: ConfigFault = lambda _: ""
) -> list[ReportedRun]:
    """All runs, row by row; a folder that is there twice counts once; a damaged run is told, not read."""
    places = {folder.path.resolve(): folder for folder in folders}
    configs: dict[str, StoredConfig] = {}
    named = _named([_reported(folder, configs, weights, config_fault) for folder in places.values()])
    return [replace(run, number=number) for number, run in enumerate(sorted(named, key=_order), start=1)]


def _order(run: ReportedRun) -> tuple[Any, ...]:
    """By model and activation, then by depth, as numbers."""
    config = run.config
    model = f"{config.get('model.version', '')} {config.get('model.name', '')}"
    seed = -1 if run.seed is None else run.seed
    return model, str(config.get("act.name", "")), config.get("model.depth") or 0, run.row, seed


def _reported(
    folder: RunFolder, configs: dict[str, StoredConfig], weights: str | None, config_fault: ConfigFault
) -> ReportedRun:
    try:
        if wrong := fault_of(folder, config_fault):
            raise NotARunError(wrong)
        return _complete(folder, configs, weights) if folder.complete else _unfinished(folder)
    except (NotARunError, OSError) as error:
        return ReportedRun(folder, "damaged", folder.path.parent.name, None, failures=(Failure(str(error)),))


def _complete(folder: RunFolder, configs: dict[str, StoredConfig], weights: str | None) -> ReportedRun:
    own = read_record(folder)
    if own["row_hash"] not in configs:  # one of a row says what all of it say, and YAML is slow
        configs[own["row_hash"]] = stored_config(folder)
    config = configs[own["row_hash"]]
    later = folder.evaluations
    records = [(folder, own), *((place, read_record(place)) for place in later if place.complete)]
    return ReportedRun(
        folder,
        "complete",
        folder.path.parent.name,
        own["seed"],
        config,
        trained_run(records, config, weights) or trained_run(records, config),
        tuple(Evaluation("" if place is folder else place.path.name, record) for place, record in records),
        tuple(failure for place in later for failure in _failures(place, place.path.name)),
    )


def _unfinished(folder: RunFolder) -> ReportedRun:
    run = unfinished_run(folder)
    failures = _failures(folder)
    state = "running" if folder.busy else "failed" if failures else "interrupted"
    return ReportedRun(folder, state, run.name, run.seed, run.config, failures=tuple(failures))


def _failures(folder: RunFolder, part: str = "") -> list[Failure]:
    """What failure.json says, where there is one."""
    if not folder.failure.is_file():
        return []
    try:
        content = read_json(folder.failure)
        places = {name: content.get(name) for name in ("epoch", "step")}
        where = ", ".join(f"{name} {value}" for name, value in places.items() if value is not None)
        return [Failure(str(content["error"]), where, str(content.get("traceback", "")), part)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [Failure(f"{folder.failure} is damaged", part=part)]


def _named(runs: list[ReportedRun]) -> list[ReportedRun]:
    """Every run with the name of its row, which tells apart all rows of the report."""
    rows: dict[tuple[str, ...], list[TrainedRun]] = {}
    for run in runs:
        if run.trained:
            rows.setdefault(run.trained.row, []).append(run.trained)
    names = dict(zip(rows, row_names([Row(tuple(row)) for row in rows.values()]), strict=True))
    training = [(training_of(row[0].config), names[key]) for key, row in rows.items()]
    return [replace(run, row=_name(run, names, training)) for run in runs]


def _name(
    run: ReportedRun, names: dict[tuple[str, ...], str], training: list[tuple[StoredConfig, str]]
) -> str:
    """A run without figures belongs to the row of its training, where there is one."""
    if run.trained:
        return names[run.trained.row]
    own = training_of(run.config)
    return next((name for config, name in training if own and config == own), run.row)
