"""Maps, models, data sets and attacks from another package.

A plug-in is a module that uses these decorators. It is imported if it is installed with an entry point of
the group ``bregman_exp.plugins``, or if the command line names it: ``plugins=[my_pkg.maps]``. Registered
parts are chosen by name, like the built-in ones: ``model=…``, ``act=…``, ``dataset=…``, and ``attack: …`` in
a suite. A stored config can name only registered parts, and imports nothing.

The keyword parameters of a map, model or data set, with their types and defaults, are its keys in the config.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, asdict, field, fields, make_dataclass
from functools import partial, wraps
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.config_store import ConfigStore
from torch import nn

from bregman_exp.config import TARGETS, Eps, PluginData, PluginMap, PluginModel, conf_dir
from bregman_exp.data import ClassificationData
from bregman_exp.data.samples import Samples, from_samples
from bregman_exp.geometry import ACTIVATIONS, Activation
from bregman_exp.robustness import ATTACKS, Attack

if TYPE_CHECKING:
    from pytorch_lightning import Callback

GROUP = "bregman_exp.plugins"
MODEL_ARGUMENTS = ("act", "num_classes", "in_shape", "normalize")  # given to every model, not in its config

Map = TypeVar("Map", bound=type[Activation])
Network = TypeVar("Network", bound=Callable[..., nn.Module])
OwnAttack = TypeVar("OwnAttack", bound=type[Attack])


class PluginError(ValueError):
    """A plug-in that cannot be imported, or that registers something invalid."""


def legendre_map(cls: Map) -> Map:
    """Registers an ``Activation``, usually a ``LegendreMap``, by its ``name``: ``act=<name>``.

    The parameters of its constructor are numbers with defaults. Raises PluginError for a name in use.
    """
    _register("act", cls.name, cls, PluginMap)
    ACTIVATIONS[cls.name] = cls
    return cls


def model(name: str, version: str = "standard") -> Callable[[Network], Network]:
    """Registers a function that returns a network: ``model=<name>``.

    It is called with ``act`` (an Activation), ``num_classes``, ``in_shape`` (of a sample, without the batch),
    ``normalize`` (channel statistics: a name, a pair (mean, std), or None) and its own keyword parameters.
    The network maps x (N, *in_shape) in [0, 1] to logits (N, num_classes). Initial weights come from torch's
    global generator, which is seeded with the run's seed. Raises PluginError as ``legendre_map``.
    """

    def register(function: Network) -> Network:
        _register("model", name, function, PluginModel, MODEL_ARGUMENTS, version=version)
        return function

    return register


def dataset(
    name: str,
    eps: Sequence[float] | Mapping[str, Sequence[float]],
    classes: Sequence[str] | None = None,
    label: str | None = None,
) -> Callable[[Callable[..., Sequence[Samples]]], Callable[..., ClassificationData]]:
    """Registers a function that returns (x, y) of training, validation and test samples: ``dataset=<name>``.

    x (N, C, H, W) uint8 or float in [0, 1], C = 1 or 3, or points (N, d) float in [0, 1]; y (N,) whole
    numbers from 0. The function must return the same samples each time. ``eps``: the perturbation sizes for
    suites that take them from the data, in units of x in [0, 1], also by norm (both "linf" and "l2");
    ``classes``: the names of the classes (default: their numbers); ``label``: the name in tables.

    Three parameters of the function, if it has them, mean what they mean for the data sets here: ``augment``
    and ``flip`` (bool), of the training images, and ``normalize`` (str | None), the name of the channel
    statistics. Raises PluginError as ``legendre_map``; the data set raises DataError for invalid samples.
    """

    def register(function: Callable[..., Sequence[Samples]]) -> Callable[..., ClassificationData]:
        @wraps(function)
        def data(**settings: Any) -> ClassificationData:
            return from_samples(name, function(**settings), classes, label, settings.get("normalize"))

        of_norm = eps if isinstance(eps, Mapping) else {"linf": eps, "l2": eps}
        if {*of_norm} != {"linf", "l2"}:
            raise PluginError(f"dataset={name}: eps is of {', '.join(of_norm)}; give linf and l2, or a list.")
        sizes = {f.name: list(of_norm[f.name.partition("_")[0]]) for f in fields(Eps)}
        _register("dataset", name, data, PluginData, eps=sizes)
        return data

    return register


def attack(cls: OwnAttack) -> OwnAttack:
    """Registers a ``robustness.Attack`` by its ``name``: ``attack: <name>`` in a suite.

    Its settings are the fields of the dataclass. Raises PluginError for a name in use.
    """
    if ATTACKS.get(cls.name, cls) is not cls and _path(ATTACKS[cls.name]) != _path(cls):
        raise PluginError(f"there is an attack {cls.name} already; give {_path(cls)} another name.")
    ATTACKS[cls.name] = cls
    return cls


def load(modules: Sequence[str]) -> None:
    """Imports the installed plug-ins, then the given modules.

    An installed plug-in that fails is skipped, with a sentence on stderr. A given module that is missing or
    fails raises PluginError.
    """
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:  # another package's code may raise anything
            print(f"the plug-in {entry.value} is skipped: {_summary(error)}.", file=sys.stderr)
    for name in modules:
        try:
            _import(name)
        except Exception as error:
            raise PluginError(
                f"plugins=[{name}] cannot be imported ({_summary(error)}); give modules that are installed "
                "or in the current folder."
            ) from error


def callbacks(names: Sequence[str]) -> "list[Callback]":
    """An instance of each of these Lightning callbacks, e.g. my_pkg.MyCallback, created without arguments.

    Raises PluginError for a name that cannot be imported or is not a callback.
    """
    if not names:
        return []
    from pytorch_lightning import Callback  # takes seconds, and few commands need it

    instances: list[Callback] = []
    for name in names:
        module, _, cls = name.rpartition(".")
        try:
            callback = getattr(_import(module), cls)()
        except Exception as error:
            raise PluginError(f"callbacks=[{name}] cannot be created: {_summary(error)}.") from error
        if not isinstance(callback, Callback):
            raise PluginError(f"callbacks=[{name}] is not a Lightning callback.")
        instances.append(callback)
    return instances


def config_folders() -> list[Path]:
    """The folder ``conf`` beside each module that registered something, for Hydra's search path."""
    targets = [target for group in TARGETS.values() for target in group]
    modules = dict.fromkeys(target.rpartition(".")[0] for target in targets)
    files = [Path(sys.modules[name].__file__ or "") for name in modules if name in sys.modules]
    folders = [file.parent / "conf" for file in files if not file.is_relative_to(Path(__file__).parent)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _import(name: str) -> ModuleType:
    """The module, which may also be in the current folder."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(name)


def _register(
    group: str, name: str, part: Any, base: type, arguments: Sequence[str] = (), **defaults: Any
) -> None:
    """Allows the part as a ``_target_``, with a schema of its keys, and gives Hydra its default config.

    ``arguments``: the parameters that the program gives, which are not keys.
    """
    path, keys = _path(part), _keys(name, part, arguments)
    _check_is_new(group, name, path)
    schema = make_dataclass(f"PluginOf{name.title()}", keys, bases=(base,))
    TARGETS[group][path] = schema
    of_schema = {
        f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(schema)
    }
    content = of_schema | {"_target_": path, "name": name} | defaults
    content = {key: asdict(value) if isinstance(value, Eps) else value for key, value in content.items()}
    ConfigStore.instance().store(group=group, name=name, node=content)


def _check_is_new(group: str, name: str, path: str) -> None:
    """PluginError if this program or another plug-in uses the name."""
    stored = ConfigStore.instance().repo.get(group, {}).get(f"{name}.yaml")
    other = "" if stored is None else str(stored.node["_target_"])
    if (Path(conf_dir()) / group / f"{name}.yaml").is_file():
        other = "this program"
    if other not in ("", path):
        raise PluginError(f"{group}={name} of {path} is taken by {other}; give it another name.")


def _keys(name: str, part: Any, arguments: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """Name, type and default of each keyword parameter that the config may set."""
    keys = []
    for parameter in inspect.signature(part, eval_str=True).parameters.values():
        if parameter.name in arguments:
            continue
        default, type_ = parameter.default, parameter.annotation
        if default is parameter.empty or type_ is parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
            raise PluginError(f"{name}: the parameter {parameter.name} needs a type and a default.")
        keys.append((parameter.name, type_, field(default_factory=partial(copy, default))))
    return keys


def _path(part: Any) -> str:
    """The import path, e.g. my_pkg.maps.Mish; PluginError for a part that cannot be imported by it."""
    path = f"{part.__module__}.{part.__qualname__}"
    if "<" in path or part.__module__ == "__main__":
        raise PluginError(f"{path} cannot be imported by its name; define it at the top of a module.")
    return path


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0].rstrip('.')}"
