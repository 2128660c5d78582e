"""A complete run with all its figures: its own and those of its evaluations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bregman_exp.results.metrics_file import clean_entry
from bregman_exp.results.predictions import checked
from bregman_exp.results.run_folder import RunFolder
from bregman_exp.results.stored_config import StoredConfig
from bregman_exp.results.table.settings import Record, id_of, settings_of


@dataclass(frozen=True)
class Measure:
    """What two figures of one column must share: attack and settings (JSON), samples, code version."""

    settings: str
    n: int
    code: str

    @property
    def id(self) -> str:
        return id_of(self.settings)


@dataclass(frozen=True)
class Figure:
    """One accuracy of one run (None: not reported); ``folder`` tells it sample by sample."""

    entry: Record
    verdict: str
    suite: str
    folder: RunFolder

    @property
    def accuracy(self) -> float | None:
        return self.entry["accuracy"]

    @property
    def correct(self) -> int | None:
        return self.entry.get("correct")


@dataclass(frozen=True)
class TrainedRun:
    """``record``: the first metrics.json of the shown weights; ``code``: the version that trained it.

    ``remarks``: what of the run's folder does not count.
    """

    record: Record
    path: str
    code: str
    figures: dict[Measure, Figure]
    config: StoredConfig = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def seed(self) -> int:
        return self.record["seed"]

    @property
    def row(self) -> tuple[str, ...]:
        """What tells its row from others."""
        return tuple(self.record[name] for name in ("model", "act", "row_hash", "weights"))

    @property
    def version(self) -> str:
        """standard, euclidean or bregman."""
        first = self.record["model"].partition("_")[0]
        return self.record.get("version") or (first if first in ("bregman", "euclidean") else "standard")

    @property
    def fingerprint(self) -> str:
        return self.record["dataset"].get("fingerprint", "unknown")

    @property
    def label(self) -> str:
        return self.record["dataset"]["label"]

    @property
    def budget(self) -> str:
        """Its epochs; with early stopping, the most there could have been."""
        most = self.config.get("trainer.max_epochs")
        stops = self.config.get("trainer.patience") is not None and most is not None
        return f"at most {most}" if stops else str(self.record["train"]["epochs"])


def code_of(record: Record) -> str:
    """The commit (with "-dirty" where there were changes) or, of an installed package, its version."""
    environment = record.get("environment") or {}
    release = environment.get("bregman_exp")
    return environment.get("git") or (f"release {release}" if release else "unknown")


def short_code(code: str) -> str:
    """A commit's first seven digits, with its "-dirty"."""
    commit, dirty, _ = code.partition("-dirty")
    return commit[:7] + dirty if len(commit) == 40 else code


def read_run(
    folder: RunFolder, record: Record, config: StoredConfig, weights: str | None
) -> TrainedRun | None:
    """A complete run, with its own record and its evaluations; None where it has nothing of these weights."""
    later = folder.evaluations
    evaluated = [(there, read_record(there)) for there in later if there.complete]
    unfinished = [f"evaluation {there.path.name} is not complete" for there in later if not there.complete]
    return trained_run([(folder, record), *evaluated], config, weights, unfinished)


def trained_run(
    records: Sequence[tuple[RunFolder, Record]],
    config: StoredConfig,
    weights: str | None = None,
    remarks: Sequence[str] = (),
) -> TrainedRun | None:
    """A run from its own record and those of its evaluations, of its own weights or of those asked for.

    A figure that is there twice, with equal settings, counts once: the run's own goes first.
    """
    folder, own = records[0]
    shown = weights or own["weights"]
    used = [(where, content) for where, content in records if content["weights"] == shown]
    if not used:
        return None
    other = sum(content["weights"] != shown for _, content in records[1:])
    told = [f"{other} of its evaluations are of other weights"] if other else []
    suites = {id(content): _suite(there, content, config) for there, content in records}
    figures = _figures([(there, content, suites[id(content)]) for there, content in used])
    return TrainedRun(used[0][1], str(folder.path), code_of(own), figures, config, (*told, *remarks))


def _suite(folder: RunFolder, record: Record, config: StoredConfig) -> str:
    """The suite's name; of records that do not have it, from the evaluation's folder or the run's config."""
    evaluated = folder.path.parent.name == "evaluations"
    told = folder.path.name.rpartition("-")[0] if evaluated else str(config.get("attack.name", ""))
    return record.get("suite", told)


def _figures(records: Sequence[tuple[RunFolder, Record, str]]) -> dict[Measure, Figure]:
    figures: dict[Measure, Figure] = {}
    # a constant classifier is constant on clean data too, where no check looks
    constant = any(e["verdict"] == "degenerate" for _, content, _ in records for e in content["robust"])
    for folder, content, suite in records:
        clean = clean_entry(content) | ({"verdict": "degenerate"} if constant else {})
        for entry in (clean, *content["robust"]):
            n = entry.get("n", content["clean"]["n"])
            measure = Measure(settings_of(entry), n, code_of(content))
            figure = Figure(entry, entry["verdict"], suite, folder)
            figures.setdefault(measure, figure)
    return figures


def read_record(folder: RunFolder) -> Record:
    """The content of metrics.json; NotARunError, in one sentence, where it is not what a table needs, or
    where predictions.npz, if it is there, has other figures."""
    return checked(folder)
