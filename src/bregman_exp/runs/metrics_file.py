"""metrics.json: how it is sealed, and all that is checked before a number of it is believed."""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, with_config
from typing_extensions import TypedDict

from bregman_exp.runs.reading import LARGEST_ARRAYS, read_bytes
from bregman_exp.runs.record import CheckStatus, Verdict
from bregman_exp.wilson import wilson_interval

SCHEMAS = (1, 2)  # 2 has the seal, and the SHA-256s of the files beside it
SEAL, FILES = "sha256", "files"
RUN_NAME = re.compile(r"seed-(\d+)-(?:[\w.+-]+-)?([0-9a-f]{12})")
CLOSE = 1e-6  # to which an interval is computed again

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
Count = Annotated[int, Field(ge=0, lt=2**63)]
Size = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """What readers take from a file, by type: true is no number, "1" neither. Other keys may be anything."""

    model_config = STRICT


class Figure(Part):
    correct: Count | None = None
    ci95: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


class Clean(Figure):
    id: Literal["clean"] = "clean"
    verdict: Literal[""] = ""
    accuracy: Share
    n: Annotated[Count, Field(ge=1)]


class Attack(Figure):
    id: str
    verdict: Annotated[Verdict, Field(strict=False)]
    accuracy: Share | None
    n: Annotated[Count, Field(ge=1)] = 0  # where it is absent, that of the clean data
    attack: str | None = None
    norm: str | None = None
    eps: Size | None = None
    seconds: Size | None = None


@with_config(STRICT)
class Check(TypedDict):  # no model: a run may have hundreds of them
    name: str
    status: Annotated[CheckStatus, Field(strict=False)]
    value: float | None
    limit: float | None
    applies_to: list[str]


class Dataset(Part):
    label: str
    name: str = ""
    fingerprint: str = ""
    n_train: Count = 0
    n_val: Count = 0
    n_test: Count = 0
    shape: list[Count] = []
    classes: list[str] = []


class Range(Part):
    min: Size
    median: Size
    max: Size


class Train(Part):
    epochs: Count
    seconds: float = 0
    learned: dict[str, Range] = {}  # of each learned parameter of the maps


class Note(Part):
    """run.json: which run it is, as in metrics.json, and the overrides that were typed."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]  # pyright: ignore[reportIncompatibleVariableOverride]
    seed: Count = 0
    dataset: dict[str, Any] = {}
    overrides: list[str] = []


class Metrics(Part):
    seed: Count
    model: str
    act: str
    row_hash: str
    weights: str
    config_hash: str = ""
    version: str = ""
    suite: str = ""
    suite_hash: str = ""
    dataset: Dataset
    train: Train
    clean: Clean
    robust: list[Attack]
    checks: list[Check] = []
    environment: dict[str, str | None] = {}
    files: dict[str, str] = {}
    sha256: str = ""


def digest(path: Path) -> str:
    return sha256(read_bytes(path, LARGEST_ARRAYS)).hexdigest()


def as_recorded(file: Path, record: Mapping[str, Any]) -> bool | None:
    """Whether the file is the one whose SHA-256 the record has; None where the record has none."""
    known = record.get(FILES, {}).get(file.name)
    return None if known is None else file.is_file() and digest(file) == known


def sealed(record: Mapping[str, Any], *files: Path) -> dict[str, Any]:
    """The record with the SHA-256 of each file that is there, and over all of itself."""
    whole = {**record, FILES: {file.name: digest(file) for file in files if file.is_file()}}
    return {**whole, SEAL: _seal(whole)}


def _seal(record: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON of everything but the seal; ValueError for NaN and infinities."""
    content = {key: value for key, value in record.items() if key != SEAL}
    text = json.dumps(content, sort_keys=True, allow_nan=False, check_circular=False)
    return sha256(text.encode()).hexdigest()


def metrics_fault(record: Any, folder: Path) -> str:
    """What is wrong with the content of the folder's metrics.json, e.g. "has no clean.n"; "" for nothing."""
    schema = record.get("schema", SCHEMAS[0]) if isinstance(record, dict) else SCHEMAS[0]
    if schema not in SCHEMAS or isinstance(schema, bool):
        return f"has schema {schema} where this program reads {SCHEMAS[-1]}"
    try:
        metrics, seal = Metrics.model_validate(record), _seal(record)
    except ValidationError as error:
        return first_fault(error)
    except ValueError:
        return "has a number that is not finite"
    if (schema != SCHEMAS[0] or SEAL in record) and record.get(SEAL) != seal:
        return f"is damaged: its {SEAL} is another"
    return next(_contradictions(metrics, record, folder), "")


def note_fault(content: Any) -> str:
    """The same of the content of run.json."""
    try:
        Note.model_validate(content)
    except ValidationError as error:
        return first_fault(error)
    return ""


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, e.g. "has no clean.n"."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if not place:
        return "is no record of a run"
    return f"has no {place}" if first["type"] == "missing" else f"has {place} = {first['input']!r}"


def _contradictions(metrics: Metrics, record: Mapping[str, Any], folder: Path) -> Iterator[str]:
    for figure in (metrics.clean, *metrics.robust):
        yield from _of_counts(figure, figure.n or metrics.clean.n)
    ids = [figure.id for figure in metrics.robust]
    if len(set(ids)) < len(ids):
        yield f"has two attacks with id {next(id_ for id_ in ids if ids.count(id_) > 1)}"
    own, named = {key: record.get(key) for key in ("config_hash", "seed")}, named_identity(folder)
    if named and own != named:
        wrong = " and ".join(f"{key} {own[key]}" for key in named if own[key] != named[key])
        yield f"is of another run, with {wrong} where its folder is of {identity_words(named)}"


def _of_counts(figure: Clean | Attack, n: int) -> Iterator[str]:
    """accuracy = correct / n, and its interval."""
    accuracy, correct, interval = figure.accuracy, figure.correct, figure.ci95
    if "correct" in figure.model_fields_set and (accuracy is None) != (correct is None):
        yield f"has {figure.id} accuracy {accuracy} and correct {correct}"
    if accuracy is None or correct is None:
        return
    if correct > n:
        yield f"has {figure.id} correct {correct} of n {n}"
    if accuracy != correct / n:
        yield f"has {figure.id} accuracy {accuracy}, which is not {correct} / {n}"
    ends = zip(interval, wilson_interval(correct, n), strict=True) if interval else ()
    if any(abs(end - own) > CLOSE for end, own in ends):
        yield f"has {figure.id} ci95 {interval}, which is not that of {correct} / {n}"


def named_identity(folder: Path) -> dict[str, Any]:
    """config_hash and seed in the name of a run's folder, or of the run's that this evaluation is of."""
    run = folder.absolute()
    run = run.parents[1] if run.parent.name == "evaluations" else run
    name = RUN_NAME.fullmatch(run.name)
    return {"config_hash": name[2], "seed": int(name[1])} if name else {}


def identity_words(identity: Mapping[str, Any]) -> str:
    """E.g. "config_hash 0123456789ab, seed 3"."""
    return ", ".join(f"{key} {value}" for key, value in identity.items())
