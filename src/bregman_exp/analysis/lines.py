"""What one run folder adds to the frame: its files, each read, checked and parsed once, as lines."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bregman_exp.analysis.names import settings_of
from bregman_exp.runs.predictions import sound_records
from bregman_exp.runs.reading import (
    LARGEST_CONFIG,
    NotARunError,
    parsed_config,
    read_json,
    read_text,
    with_control_characters_shown,
)
from bregman_exp.runs.record import Verdict, Version, clean_entry
from bregman_exp.runs.run_folder import RunFolder

SEED_LINE = re.compile(r"\nseed: [^\n]*")  # begins with letters to search for: ^ would try every character
NO_CONFIG = "{}"
OF_FIGURE = ("id", "attack", "norm", "eps", "n", "correct", "accuracy", "verdict")


@dataclass(frozen=True)
class Failure:
    """``where``: epoch and step, where they are known."""

    error: str
    where: str = ""
    traceback: str = ""


class Reader:
    """``lines``: of the frame; ``records``, ``failures``: by run and evaluation, "" for the run's own."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.records: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.failures: dict[str, dict[str, Failure]] = defaultdict(dict)
        self._rows: dict[str, Any] = {}  # of ``misfit``
        self._configs: dict[str, tuple[dict[str, Any], str]] = {}  # by text: YAML is slow, and seeds are many

    def read(self, folder: RunFolder) -> None:
        try:
            self.lines += self._lines(folder)
        except (NotARunError, OSError) as error:
            self.failures[str(folder.path)][""] = Failure(str(error))
            wrong = {"run": str(folder.path), "state": "damaged", "error": str(error)}
            self.lines.append(wrong | {"experiment": folder.path.parent.parent.name, "config": NO_CONFIG})

    def _lines(self, folder: RunFolder) -> list[dict[str, Any]]:
        records = sound_records(folder, self._misfit)
        own = records[""]
        note, (config, config_text) = folder.read_note(), self._config(folder)
        common = {
            "run": str(folder.path),
            "config": config_text,
            "experiment": str(config.get("experiment_name") or folder.path.parent.parent.name),
            "overrides": json.dumps(note["overrides"]) if "overrides" in note else "",
        }
        if own is None:
            return [common | _identity(note, config, folder) | self._state(folder)]
        common |= {"state": "complete", "trained_with": code_of(own)} | _identity(own, config, folder)
        lines, without = list[dict[str, Any]](), list[dict[str, Any]]()
        for name, record in records.items():
            if record is None:
                without.append(common | {"evaluation": name} | self._state(folder, name))
            else:
                self.records[str(folder.path)][name] = record
                lines += _figures(name, record, common, config)
        constant = {line["weights"] for line in lines if line["verdict"] == Verdict.DEGENERATE}
        for line in lines:  # a constant classifier is constant on clean data too, where no check looks
            if line["id"] == "clean" and line["weights"] in constant:
                line["verdict"] = Verdict.DEGENERATE.value
        return lines + without

    def _misfit(self, folder: RunFolder) -> str:
        from bregman_exp.analysis.misfits import misfit  # takes seconds, and few runs are asked about

        return misfit(folder, self._rows)

    def _config(self, folder: RunFolder) -> tuple[dict[str, Any], str]:
        """Without the seed: flat, e.g. {"optim.lr": 0.01, "model.widths": None, …}, and the same as JSON."""
        text = SEED_LINE.sub("", "\n" + read_text(folder.config, LARGEST_CONFIG))
        if text not in self._configs:
            content = with_control_characters_shown(parsed_config(folder.config, text.strip() or "{}"))
            groups = {key: value for key, value in content.items() if isinstance(value, dict)}
            flat = {key: value for key, value in content.items() if key not in groups}
            flat |= {f"{key}.{name}": value for key, group in groups.items() for name, value in group.items()}
            self._configs[text] = flat, json.dumps(flat)
        return self._configs[text]

    def _state(self, run: RunFolder, name: str = "") -> dict[str, str]:
        folder = run.evaluation(name)
        failure = _failure(folder)
        if failure:
            self.failures[str(run.path)][name] = failure
        state = "running" if folder.busy else "failed" if failure else "interrupted"
        error = (failure.error.splitlines() or ["unknown error"])[0] if failure else ""
        return {"state": state, "error": error}


def _identity(about: Mapping[str, Any], config: Mapping[str, Any], folder: RunFolder) -> dict[str, Any]:
    """From metrics.json, or from run.json of a run that is not complete; a folder of an older version may
    have its config alone, and so is a row of its own name."""
    dataset, epochs = about.get("dataset", {}), about.get("train", {}).get("epochs")
    version = about.get("version") or str(config.get("model.version", ""))
    prefix = "" if version in ("", Version.STANDARD) else f"{version}_"
    model = about.get("model") or (f"{prefix}{config['model.name']}" if "model.name" in config else "")
    if model and not version:
        first = model.partition("_")[0]
        version = first if first in tuple(Version) else Version.STANDARD.value
    named = re.match(r"seed-(\d+)", folder.path.name)
    return {
        "row": about.get("row_hash", ""),
        "seed": about.get("seed", int(named[1]) if named else None),
        "weights": about.get("weights", ""),
        "model": model,
        "act": about.get("act", str(config.get("act.name", ""))),
        "version": version,
        "data": str(dataset.get("label", "")),
        "data_name": str(dataset.get("name", config.get("dataset.name", ""))),
        "fingerprint": str(dataset.get("fingerprint", "" if epochs is None else "unknown")),
        "n_train": None if epochs is None else dataset.get("n_train"),
        "epochs": epochs,
        "budget": _budget(config, epochs),
    }


def _budget(config: Mapping[str, Any], epochs: int | None) -> str:
    most = config.get("trainer.max_epochs")
    if config.get("trainer.patience") is not None and most is not None:
        return f"at most {most}"
    return str(most if epochs is None else epochs)


def find_rows(lines: list[dict[str, Any]]) -> None:
    """An unfinished run of an older version, which has no run.json, is of the row of an equal config."""
    names = ("row", "model", "act", "version", "data", "fingerprint")
    rows = {line["config"]: {name: line[name] for name in names} for line in lines if line.get("row")}
    for line in lines:
        if line["state"] != "damaged" and not line["row"] and line["model"]:
            line |= rows.get(line["config"], {})


def _figures(
    added: str, record: Mapping[str, Any], common: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A line for clean data, then one for each attack; ``added``: the name of the evaluation."""
    suite = added.rpartition("-")[0] if added else str(config.get("attack.name", ""))
    about = {**common, "evaluation": added, "weights": record["weights"], "n": record["clean"]["n"]}
    about |= {"suite": record.get("suite", suite), "code": code_of(record)}
    for entry in (clean_entry(record), *record["robust"]):
        figure = {name: entry[name] for name in OF_FIGURE if name in entry}
        low, high = entry.get("ci95") or (None, None)
        yield about | figure | {"settings": settings_of(entry), "low": low, "high": high}


def code_of(record: Mapping[str, Any]) -> str:
    """The commit (with "-dirty" where there were changes) or, of an installed package, its version."""
    environment = record.get("environment") or {}
    release = environment.get("bregman_exp")
    return environment.get("git") or (f"release {release}" if release else "unknown")


def _failure(folder: RunFolder) -> Failure | None:
    """What failure.json says, where there is one."""
    if not folder.failure.is_file():
        return None
    try:
        content = read_json(folder.failure, lambda _: "")
        places = {name: content.get(name) for name in ("epoch", "step")}
        where = ", ".join(f"{name} {value}" for name, value in places.items() if value is not None)
        return Failure(str(content["error"]), where, str(content.get("traceback", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Failure(f"{folder.failure} is damaged")
