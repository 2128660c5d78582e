"""What rows and attacks are called: by model and activation or by id, and by what sets them apart."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from bregman_exp.runs.record import Verdict, Version
from bregman_exp.runs.record import start_name as start_name

# A pandas.DataFrame or Series. For the type checker both are Any: by pandas' own annotations, whatever is
# taken from one may be a DataFrame, a Series or an array.
Frame: TypeAlias = Any
Series: TypeAlias = Any
Facts: TypeAlias = dict[str, Any]  # a line of a frame

GROUPS = ("act", "dataset", "model", "optim", "trainer", "training")
VARIED = ("optim.lr", "dataset.noise")  # named in every row where any two rows of a table differ in them
NO_DIFFERENCE = (
    *("act.name", "model.name", "model.version", "trainer.accelerator"),
    *("dataset.root", "dataset._target_", "dataset.statistics"),  # the last follow from the data
)
SETTINGS = (
    *("id", "eps", "steps", "restarts", "rel_step", "random_start", "loss", "early_stop", "through"),
    *("precision", "members", "source", "class", "parameters"),
)
# data sets of points, in whose pictures and tables 255ths mean nothing: name -> label
POINT_SETS = {"two_spiral": "two-spiral", "circle": "circle", "hill": "hill", "twin_hills": "twin hills"}
NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
PAPER = "paper"  # the suite of the published table, whose columns are its PGD
MARKS = {Verdict.UNRELIABLE: "UNRELIABLE", Verdict.DEGENERATE: "degenerate"}


def records(frame: Frame) -> list[Facts]:
    """The lines as dicts, with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def configs_of(lines: Frame) -> list[Facts]:
    """The config of each line; each different text is parsed once, and its lines share the dict."""
    configs = {text: json.loads(text) for text in lines["config"].unique()}
    return [configs[text] for text in lines["config"]]


def marks(verdicts: Iterable[str]) -> str:
    """What must be said beside a number: "UNRELIABLE", "UNRELIABLE degenerate", or ""."""
    given = set(verdicts)
    return " ".join(mark for verdict, mark in MARKS.items() if verdict in given)


def settings_of(entry: Mapping[str, Any]) -> str:
    """An attack with its settings, as JSON: what must agree between two numbers."""
    return json.dumps({name: entry.get(name) for name in SETTINGS})


def label(settings: str, others: Iterable[str]) -> str:
    """The attack's id, with those settings that set it apart from others of that id."""
    own = json.loads(settings)
    namesakes = [other for other in map(json.loads, others) if other["id"] == own["id"]]
    apart = [f"{name} {value}" for name, value in own.items() if any(x[name] != value for x in namesakes)]
    return f"{own['id']} ({', '.join(apart)})" if apart else own["id"]


def short_code(code: str) -> str:
    """A commit's first seven digits, with its "-dirty"."""
    commit, dirty, _ = code.partition("-dirty")
    return commit[:7] + dirty if len(commit) == 40 else code


def differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys that make a row and of which these flat configs have several values."""
    keys = dict.fromkeys(key for config in configs for key in config)
    of_row = [key for key in keys if key.split(".")[0] in GROUPS and key not in NO_DIFFERENCE]
    return [key for key in of_row if any(config.get(key) != configs[0].get(key) for config in configs)]


def base_name(model: str, act: str, config: Mapping[str, Any]) -> str:
    """E.g. "bregman_resnet20 (tanh)"; of an MLP also "depth 3, random start", what matters most.

    Of another training than the standard one also its name, e.g. "pgd_at linf 8/255".
    """
    training = training_name(config)
    return ", ".join([_network_name(model, act, config), *([training] if training else [])])


def training_name(config: Mapping[str, Any]) -> str:
    """E.g. "trades linf 0.02", "squared_error"; "" for the standard training, which configs need not name."""
    objective = config.get("training.objective", "standard")
    if objective in ("standard", "squared_error"):
        return objective.removeprefix("standard")
    return f"{objective} {config.get('training.norm')} {size_name(config.get('training.eps'))}"


def size_name(eps: Any) -> str:
    """A size as it is usually written: a multiple of 1/255 as "8/255", any other as "0.02"."""
    if not isinstance(eps, int | float):
        return str(eps)
    steps = round(255 * eps)
    return f"{steps}/255" if steps and math.isclose(255 * eps, steps, rel_tol=1e-9) else f"{eps:g}"


def _network_name(model: str, act: str, config: Mapping[str, Any]) -> str:
    name = f"{model} ({act})"
    if "model.init" not in config:
        return name
    shape = [f"depth {config['model.depth']}"] if "model.depth" in config else []
    if config.get("model.widths") is not None:
        shape = [f"widths {config['model.widths']}"]
    version = config.get("model.version", Version.STANDARD)
    return ", ".join([name, *shape, start_name(str(config["model.init"]), version)])


def row_names(rows: Frame) -> list[str]:
    """A name for each line, which is a row with its model, act, hash, weights and config; all different."""
    lines = rows[["row", "weights"]].reset_index(drop=True)
    lines["config"] = configs_of(rows)
    lines["base"] = list(map(base_name, rows["model"], rows["act"], lines["config"]))
    varied = [key for key in VARIED if len({config[key] for config in lines["config"] if key in config}) > 1]
    names: dict[int, str] = {}
    for base, namesakes in lines.groupby("base"):
        configs = list(namesakes["config"])
        differing = [key for key in differing_keys(configs) if _tells_apart(key, configs)]
        several = namesakes["weights"].nunique() > 1
        for line, weights, config in namesakes[["weights", "config"]].itertuples():
            keys = dict.fromkeys([*differing, *(key for key in varied if key in config)])
            apart = [f"{key} {shown_value(config.get(key))}" for key in keys if _applies(key, config)]
            names[line] = ", ".join([base, *apart, *([f"{weights} weights"] if several else [])])
    count, digits = Counter(names.values()), _digits(rows["row"])
    return [
        f"{names[line]}, row {row[:digits]}" if count[names[line]] > 1 else names[line]
        for line, row in lines["row"].items()
    ]


def _tells_apart(key: str, configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a setting of the data differs on one data set; each data set has settings of its own."""
    if not key.startswith("dataset.") or key == "dataset.name":
        return True
    values: dict[Any, Any] = {}
    pairs = [(config.get("dataset.name"), config.get(key)) for config in configs]
    return any(values.setdefault(name, value) != value for name, value in pairs)


def _applies(key: str, config: Mapping[str, Any]) -> bool:
    return key in config or not key.startswith("dataset.")


def named(rows: Frame, asked: str) -> Frame:
    """The row of this name or model, or whose name or hash begins so; ValueError where there are several."""
    readings = (
        rows["name"] == asked,
        rows["model"] == asked,
        rows["name"].str.startswith(asked),
        rows["row"].str.startswith(asked),
    )
    meant = next((rows[fits] for fits in readings if fits.any()), rows[:0])
    if len(meant) > 1:
        names = ", ".join(map(repr, meant["name"]))
        raise ValueError(f"{asked!r} may be any of {names}; give one of these names.")
    return meant


def shown_value(value: Any) -> str:
    return "null" if value is None else str(value)


def _digits(hashes: Iterable[str]) -> int:
    """How many digits of the hashes tell them apart, at least four."""
    several = set(hashes)
    longest = max(map(len, several), default=4)
    return next((n for n in range(4, longest + 1) if len({h[:n] for h in several}) == len(several)), longest)
