"""metrics.json: how it is sealed, and all that is checked before a number of it is believed."""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from bregman_exp.runs.reading import LARGEST_ARRAYS, read_bytes
from bregman_exp.runs.record import CheckStatus, Verdict, clean_entry
from bregman_exp.wilson import wilson_interval

Record = dict[str, Any]  # whatever the file holds, before it is checked
SCHEMAS = (1, 2)  # 2 has the seal, and the SHA-256s of the files beside it
SEAL, FILES = "sha256", "files"
VERDICTS, STATUSES = tuple(Verdict), tuple(CheckStatus)
NUMBER = (int, float)
NUMBERS = {int, float, type(None)}
MISSING = object()
REQUIRED = {  # what every reader takes from the file, and its type
    ("seed",): int,
    ("model",): str,
    ("act",): str,
    ("row_hash",): str,
    ("weights",): str,
    ("dataset", "label"): str,
    ("train", "epochs"): int,
    ("clean", "n"): int,
    ("robust",): list,
}
OPTIONAL = {  # what some have
    ("config_hash",): str,
    ("version",): str,
    ("suite",): str,
    ("suite_hash",): str,
    ("dataset", "name"): str,
    ("dataset", "fingerprint"): str,
    ("dataset", "n_train"): int,
    ("dataset", "n_val"): int,
    ("dataset", "n_test"): int,
    ("dataset", "classes"): list,
    ("train", "seconds"): NUMBER,
    ("environment",): dict,
    ("checks",): list,
    (FILES,): dict,
    (SEAL,): str,
}
RUN_NAME = re.compile(r"seed-(\d+)-(?:[\w.+-]+-)?([0-9a-f]{12})")
CLOSE = 1e-6  # to which an interval is computed again


def digest(path: Path) -> str:
    return sha256(read_bytes(path, LARGEST_ARRAYS)).hexdigest()


def as_recorded(file: Path, record: Mapping[str, Any]) -> bool | None:
    """Whether the file is the one whose SHA-256 the record has; None where the record has none."""
    known = record.get(FILES, {}).get(file.name)
    return None if known is None else file.is_file() and digest(file) == known


def sealed(record: Mapping[str, Any], *files: Path) -> Record:
    """The record with the SHA-256 of each file that is there, and over all of itself."""
    whole = {**record, FILES: {file.name: digest(file) for file in files if file.is_file()}}
    return {**whole, SEAL: _seal(whole)}


def _seal(record: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON of everything but the seal; ValueError for NaN and infinities."""
    content = {key: value for key, value in record.items() if key != SEAL}
    return sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def parsed(content: bytes) -> Any:
    """Raises ValueError where it is no JSON, whatever is wrong with it."""
    try:
        return json.loads(content.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fault(record: Any, folder: Path) -> str:
    """What is wrong with the content of the folder's metrics.json, e.g. "has no clean.n"; "" for nothing."""
    if not isinstance(record, dict):
        return "is no record of a run"
    schema = record.get("schema", SCHEMAS[0])
    if schema not in SCHEMAS or isinstance(schema, bool):
        return f"has schema {schema} where this program reads {SCHEMAS[-1]}"
    try:
        return next(_faults(record, folder, schema), "")
    except RecursionError:
        return "is nested too deeply"


def _faults(record: Record, folder: Path, schema: int) -> Iterator[str]:
    yield from _of_types(record)
    for entry in (clean_entry(record), *record["robust"]):
        yield from _of_figure(entry, record["clean"]["n"])
    ids = [entry["id"] for entry in record["robust"]]
    if len(set(ids)) < len(ids):
        yield f"has two attacks with id {next(id_ for id_ in ids if ids.count(id_) > 1)}"
    if record["clean"]["accuracy"] is None:
        yield "has no clean.accuracy"
    for check in record.get("checks", []):
        if not _is_usual(check):
            yield from _of_check(check)
    try:
        seal = _seal(record)
    except ValueError:
        yield "has a number that is not finite"
        return
    if (schema != SCHEMAS[0] or SEAL in record) and record.get(SEAL) != seal:
        yield f"is damaged: its {SEAL} is another"
    yield from _of_place(record, folder)


def _of_types(record: Record) -> Iterator[str]:
    for keys, kind in (REQUIRED | OPTIONAL).items():
        value: Any = record
        for key in keys:
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
        if keys in REQUIRED and value in (None, MISSING):
            yield f"has no {'.'.join(keys)}"
        if value is not MISSING and not _is(value, kind):
            yield f"has {'.'.join(keys)} = {value!r}"
    for name in record["dataset"].get("classes", []):
        if not isinstance(name, str):
            yield f"has a class named {name!r}"
    for name, value in record.get("environment", {}).items():
        if not isinstance(value, str | None):
            yield f"has environment.{name} = {value!r}"
    if record["seed"] < 0:
        yield f"has seed = {record['seed']}"


def _of_figure(entry: Any, default_n: int) -> Iterator[str]:
    keys = entry if isinstance(entry, dict) else ()
    missing = [name for name in ("id", "accuracy", "verdict") if name not in keys]
    if missing:
        yield f"has an attack without {missing[0]}"
    name, verdict = entry["id"], entry["verdict"]
    if not isinstance(name, str):
        yield f"has an attack with id = {name!r}"
    if verdict not in VERDICTS and (verdict, name) != ("", "clean"):
        yield f"has {name} verdict {verdict!r}"
    yield from _of_counts(entry, default_n)
    for key, kind in (("attack", str), ("norm", str), ("eps", NUMBER), ("seconds", NUMBER)):
        value = entry.get(key)
        if value is not None and (not _is(value, kind) or (kind is NUMBER and value < 0)):
            yield f"has {name} {key} {value!r}"


def _of_counts(entry: Record, default_n: int) -> Iterator[str]:
    """accuracy = correct / n, and its interval."""
    name, accuracy, correct = entry["id"], entry["accuracy"], entry.get("correct")
    n, interval = entry.get("n", default_n), entry.get("ci95")
    if accuracy is not None and not (_is(accuracy, NUMBER) and 0 <= accuracy <= 1):
        yield f"has {name} accuracy {accuracy!r}, not in [0, 1]"
    if not _is(n, int) or n < 1 or (correct is not None and not (_is(correct, int) and 0 <= correct <= n)):
        yield f"has {name} correct {correct!r} of n {n!r}"
    if (accuracy is None) != (correct is None) and "correct" in entry:
        yield f"has {name} accuracy {accuracy!r} and correct {correct!r}"
    if accuracy is not None and correct is not None:
        if accuracy != correct / n:
            yield f"has {name} accuracy {accuracy!r}, which is not {correct} / {n}"
        if interval is not None and not _is_interval(interval, correct, n):
            yield f"has {name} ci95 {interval!r}, which is not that of {correct} / {n}"


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_interval(interval: Any, correct: int, n: int) -> bool:
    if not isinstance(interval, list) or len(interval) != 2 or not all(_is(end, NUMBER) for end in interval):
        return False
    return all(
        abs(end - own) <= CLOSE for end, own in zip(interval, wilson_interval(correct, n), strict=True)
    )


def _is_usual(check: Any) -> bool:
    """Whether a check has all its parts: asked first, since a run may have hundreds of them."""
    return (
        isinstance(check, dict)
        and type(check.get("name")) is str
        and check.get("status") in STATUSES
        and {type(check.get("value", MISSING)), type(check.get("limit", MISSING))} <= NUMBERS
        and type(check.get("applies_to")) is list
        and set(map(type, check["applies_to"])) <= {str}
    )


def _of_check(check: Any) -> Iterator[str]:
    if not isinstance(check, dict) or not isinstance(check.get("name"), str):
        yield "has a check without a name"
    if check.get("status") not in STATUSES:
        yield f"has the check {check['name']} with status {check.get('status')!r}"
    for key in ("value", "limit"):
        if key not in check or not (check[key] is None or _is(check[key], NUMBER)):
            yield f"has the check {check['name']} with {key} {check.get(key)!r}"
    ids = check.get("applies_to")
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        yield f"has the check {check['name']} with applies_to {ids!r}"


def _of_place(record: Record, folder: Path) -> Iterator[str]:
    """Seed and hash are those of the folder's name, or of its run's for a later evaluation."""
    own = {key: record.get(key) for key in ("config_hash", "seed")}
    named = named_identity(folder)
    if named and own != named:
        wrong = " and ".join(f"{key} {own[key]}" for key in named if own[key] != named[key])
        yield f"is of another run, with {wrong} where its folder is of {identity_words(named)}"


def named_identity(folder: Path) -> Record:
    """config_hash and seed in the name of a run's folder, or of the run's that this evaluation is of."""
    run = folder.absolute()
    run = run.parents[1] if run.parent.name == "evaluations" else run
    name = RUN_NAME.fullmatch(run.name)
    return {"config_hash": name[2], "seed": int(name[1])} if name else {}


def identity_words(identity: Mapping[str, Any]) -> str:
    """E.g. "config_hash 0123456789ab, seed 3"."""
    return ", ".join(f"{key} {value}" for key, value in identity.items())
