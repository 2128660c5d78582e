"""Maps, models, data sets and attacks of a package of one's own, beside those of this one.

A plug-in is a module that uses these decorators. It is imported where it is installed with an entry point of
the group ``bregman_exp.plugins``, or where the command line names it: ``plugins=[my_pkg.maps]``. What is
registered can be chosen by its name like any other: ``model=…``, ``act=…``, ``dataset=…``, in a suite
``attack: …``. A stored config names only what has been registered, and imports nothing.

The keyword parameters of a map, model or data set, with their types and defaults, are its keys in the config.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import MISSING, asdict, field, fields, make_dataclass
from functools import partial, wraps
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import torch
from hydra.core.config_store import ConfigStore
from pytorch_lightning import Callback
from torch import Tensor, nn

from bregman_exp.config import TARGETS, Eps, PluginData, PluginMap, PluginModel, conf_dir
from bregman_exp.data import ClassificationData, Split
from bregman_exp.geometry import ACTIVATIONS, Activation
from bregman_exp.robustness import ATTACKS, Attack

GROUP = "bregman_exp.plugins"
GIVEN_TO_A_MODEL = ("act", "num_classes", "in_shape", "normalize")

Map = TypeVar("Map", bound=type[Activation])
Network = TypeVar("Network", bound=Callable[..., nn.Module])
OwnAttack = TypeVar("OwnAttack", bound=type[Attack])
Samples = tuple[Tensor, Tensor]  # x (N, …) uint8 or float in [0, 1], y (N,) classes


class PluginError(ValueError):
    """A plug-in that is not there, or that registers what is not allowed."""


def legendre_map(cls: Map) -> Map:
    """Registers an ``Activation``, most often a ``LegendreMap``, by its ``name``: ``act=<name>``.

    The parameters of its constructor are numbers with defaults. Raises PluginError for a name that exists.
    """
    _add("act", cls.name, cls, PluginMap)
    ACTIVATIONS[cls.name] = cls
    return cls


def model(name: str, version: str = "standard") -> Callable[[Network], Network]:
    """Registers a function that makes a network: ``model=<name>``.

    It is called with ``act`` (an Activation), ``num_classes``, ``in_shape`` (of a sample, without the batch),
    ``normalize`` (the name of channel statistics, or None) and its own keyword parameters; the network takes
    x (N, *in_shape) in [0, 1] and gives logits (N, num_classes). Initial weights come from torch's random
    numbers, which follow from the run's seed. Raises PluginError as ``legendre_map``.
    """

    def register(function: Network) -> Network:
        _add("model", name, function, PluginModel, GIVEN_TO_A_MODEL, version=version)
        return function

    return register


def dataset(
    name: str, eps: Sequence[float], classes: Sequence[str] | None = None, label: str | None = None
) -> Callable[[Callable[..., Sequence[Samples]]], Callable[..., ClassificationData]]:
    """Registers a function that gives (x, y) of training, validation and test samples: ``dataset=<name>``.

    x (N, 3, H, W) uint8 or float in [0, 1], or points (N, d) float in [0, 1]; y (N,) whole numbers from 0.
    ``eps``: the perturbation sizes of suites that leave them to the data, in units of x in [0, 1];
    ``classes``: their names (default: their numbers); ``label``: the name in tables. The function gives the
    same samples each time. Raises PluginError as ``legendre_map``; at its call for other samples.
    """

    def register(function: Callable[..., Sequence[Samples]]) -> Callable[..., ClassificationData]:
        @wraps(function)
        def data(**settings: Any) -> ClassificationData:
            parts = [_split(name, *samples) for samples in function(**settings)]
            if len(parts) != 3:
                raise PluginError(f"dataset={name} gives {len(parts)} parts; training, validation, test.")
            train, val, test = parts
            n = 1 + max(int(part.y.max()) for part in parts)
            names = tuple(classes or map(str, range(n)))
            if n > len(names):
                raise PluginError(f"dataset={name} has a label {n - 1}, and {len(names)} classes.")
            return ClassificationData(name, "plug-in", names, train, val, test, None, label or name)

        sizes = {f.name: list(eps) for f in fields(Eps)}
        _add("dataset", name, data, PluginData, eps=sizes)
        return data

    return register


def attack(cls: OwnAttack) -> OwnAttack:
    """Registers a ``robustness.Attack`` by its ``name``: ``attack: <name>`` in a suite.

    Its settings are the fields of the dataclass. Raises PluginError for a name that exists.
    """
    if ATTACKS.get(cls.name, cls) is not cls and _path(ATTACKS[cls.name]) != _path(cls):
        raise PluginError(f"there is an attack {cls.name} already; give {_path(cls)} another name.")
    ATTACKS[cls.name] = cls
    return cls


def load(modules: Sequence[str]) -> None:
    """Imports the installed plug-ins, then the modules named.

    One that is installed and fails is left out, with a sentence on stderr. Raises PluginError, in one
    sentence, for a module named that is not there or fails.
    """
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:  # whatever a package of somebody else's does
            print(f"the plug-in {entry.value} is left out: {_in_short(error)}.", file=sys.stderr)
    for name in modules:
        try:
            _import(name)
        except Exception as error:
            raise PluginError(
                f"plugins=[{name}] cannot be imported ({_in_short(error)}); give modules that are installed "
                "or lie where the command is given."
            ) from error


def callbacks(names: Sequence[str]) -> list[Callback]:
    """A Lightning callback of each of these classes, e.g. my_pkg.MyCallback, made without arguments.

    Raises PluginError, in one sentence, for a name that is none.
    """
    made = []
    for name in names:
        module, _, cls = name.rpartition(".")
        try:
            callback = getattr(_import(module), cls)()
        except Exception as error:
            raise PluginError(f"callbacks=[{name}] cannot be made: {_in_short(error)}.") from error
        if not isinstance(callback, Callback):
            raise PluginError(f"callbacks=[{name}] is no Lightning callback.")
        made.append(callback)
    return made


def config_folders() -> list[Path]:
    """The folders ``conf`` beside the modules that registered something, for Hydra's search path."""
    targets = [target for known in TARGETS.values() for target in known]
    packages = dict.fromkeys(target.rpartition(".")[0] for target in targets)
    files = [Path(sys.modules[name].__file__ or "") for name in packages if name in sys.modules]
    folders = [file.parent / "conf" for file in files if not file.is_relative_to(Path(__file__).parent)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _import(name: str) -> ModuleType:
    """The module, which may also lie where the command is given."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    return import_module(name)


def _add(group: str, name: str, made: Any, base: type, given: Sequence[str] = (), **defaults: Any) -> None:
    """Lets ``_target_`` name it, with a schema of its keys, and gives Hydra a config of its defaults."""
    path, keys = _path(made), _keys(name, made, given)
    _check_is_new(group, name, path)
    schema = make_dataclass(f"PluginOf{name.title()}", keys, bases=(base,))
    TARGETS[group][path] = schema
    own = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(schema)}
    content = own | {"_target_": path, "name": name} | defaults
    content = {key: asdict(value) if isinstance(value, Eps) else value for key, value in content.items()}
    ConfigStore.instance().store(group=group, name=name, node=content)


def _check_is_new(group: str, name: str, path: str) -> None:
    """Raises PluginError where the name is taken by this program or by another plug-in."""
    stored = ConfigStore.instance().repo.get(group, {}).get(f"{name}.yaml")
    other = "" if stored is None else str(stored.node["_target_"])
    if (Path(conf_dir()) / group / f"{name}.yaml").is_file():
        other = "this program"
    if other not in ("", path):
        raise PluginError(f"{group}={name} of {path} is taken by {other}; give it another name.")


def _keys(name: str, made: Any, given: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """Name, type and default of each keyword parameter that the config may set."""
    keys = []
    for parameter in inspect.signature(made, eval_str=True).parameters.values():
        if parameter.name in given:
            continue
        default, type_ = parameter.default, parameter.annotation
        if default is parameter.empty or type_ is parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
            raise PluginError(f"{name}: the parameter {parameter.name} needs a type and a default.")
        keys.append((parameter.name, type_, field(default_factory=partial(copy, default))))
    return keys


def _split(name: str, x: Tensor, y: Tensor) -> Split:
    unit = x.dtype == torch.uint8 or (x.is_floating_point() and x.min() >= 0 and x.max() <= 1)
    if len(x) != len(y) or len(x) == 0 or not unit or y.dtype != torch.int64 or y.min() < 0:
        raise PluginError(
            f"dataset={name} gives x {x.dtype} {tuple(x.shape)} and y {y.dtype} {tuple(y.shape)}; it needs "
            "x uint8 or float in [0, 1] and y int64 from 0, one for each sample."
        )
    return Split(x if x.dtype == torch.uint8 else x.float(), y, torch.arange(len(y)))


def _path(made: Any) -> str:
    """E.g. my_pkg.maps.Mish; PluginError for what no import finds again."""
    path = f"{made.__module__}.{made.__qualname__}"
    if "<" in path or made.__module__ == "__main__":
        raise PluginError(f"{path} cannot be imported by its name; define it at the top of a module.")
    return path


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0].rstrip('.')}"
