"""A digest of the state of a model, for comparison."""

import itertools
import operator
import random
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from hashlib import sha256
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MAX_DEPTH = 6  # attributes of attributes
MAX_ITEMS = 1000  # of a container
MAX_VALUES = 20_000  # besides parameters and buffers: a foreign object may refer to everything else
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, Enum)
CONTAINERS = (dict, OrderedDict, MappingProxyType, list, tuple, set, frozenset, deque)
# For objects of these libraries only the type counts, unless the object is an nn.Module.
LIBRARIES = ("torch", "numpy", "random")
LIGHTNING = ("lightning", "pytorch_lightning", "lightning_fabric")  # its objects refer to the whole trainer
# The attributes of every nn.Module, such as hooks and the training flag; another check reads that flag.
OF_EVERY_MODULE = {*vars(nn.Module()), "_compiled_call_impl"}


def fingerprint(model: nn.Module) -> dict[str, str]:
    """Name ↦ digest of every parameter, buffer and other attribute of the model and its submodules.

    Attributes are followed into containers, closures, bound objects and plain objects, up to 20 000 values.
    Only the type counts for a foreign object (a lock, an open file, an object of torch or Lightning), for a
    value that raises an error when it is read, and for values beyond that number.
    """
    visit = _Visit({id(module) for module in model.modules()})
    state: dict[str, str] = {}
    for path, module in model.named_modules():
        tensors = {**module._parameters, **module._buffers}  # pyright: ignore[reportPrivateUsage]
        for name, value in tensors.items():
            state[f"{path}.{name}".lstrip(".")] = _digest(visit.tensor(value))
    for path, module in model.named_modules():
        for name, value in list(vars(module).items()):
            if name not in OF_EVERY_MODULE:
                state[f"{path}.{name}".lstrip(".")] = _digest(visit.value(value, 0))
    return state


def _digest(content: Any) -> str:
    return sha256(repr(content).encode(errors="replace")).hexdigest()


@dataclass
class _Visit:
    """A walk over the values of a model; ``submodules`` and values in ``seen`` are not entered again.

    ``seen`` keeps the values alive, so that no other value can get the same id.
    """

    submodules: set[int]
    seen: dict[int, Any] = field(default_factory=dict)
    left: int = field(default_factory=lambda: MAX_VALUES)

    def tensor(self, value: Tensor | None) -> str:
        self.seen[id(value)] = value
        return _leaf(value)

    def value(self, value: Any, depth: int) -> Any:
        """The content of a value: strings, and tuples and lists of them."""
        kind = type(value).__name__
        if depth > 0 and self.left <= 0:  # depth 0: every attribute itself is read
            return kind
        self.left -= 1
        try:
            return self._content(value, kind, depth)
        except Exception:  # a foreign object may raise anything when it is read
            return kind

    def _content(self, value: Any, kind: str, depth: int) -> Any:
        if isinstance(value, PLAIN):
            return repr(value)
        if depth > MAX_DEPTH or id(value) in self.submodules or id(value) in self.seen:
            return kind
        self.seen[id(value)] = value
        inner = _inner(value)
        if inner is None:
            return kind, _leaf(value)
        size = len(value) if isinstance(value, CONTAINERS) else None
        return kind, size, [self.value(item, depth + 1) for item in itertools.islice(inner, MAX_ITEMS)]


def _inner(value: Any) -> Iterable[Any] | None:
    """The values inside a value; None for a leaf."""
    if isinstance(value, dict | MappingProxyType):
        return (part for pair in value.items() for part in pair)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, CONTAINERS):
        return value
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    library = (value if isinstance(value, type) else type(value)).__module__.split(".")[0]
    if library in LIGHTNING or (library in LIBRARIES and not isinstance(value, nn.Module)):
        return None
    if isinstance(value, nn.Module):  # not a submodule
        own = {name: item for name, item in vars(value).items() if name not in OF_EVERY_MODULE}
        return [value._parameters, value._buffers, value._modules, own]  # pyright: ignore[reportPrivateUsage]
    return None if isinstance(value, ModuleType) or not hasattr(value, "__dict__") else [vars(value)]


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _leaf(value: Any) -> str:
    """The content of a value without inner values."""
    if isinstance(value, Tensor):
        return f"{value.dtype} {tuple(value.shape)} {_bytes(value)}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, torch.Generator):
        return _bytes(value.get_state())
    if isinstance(value, random.Random):
        return repr(value.getstate())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return repr(value.get_state(legacy=False))
    origin = type(value).__module__
    if isinstance(value, Iterator) and origin in (
        "builtins",
        "itertools",
    ):  # e.g. a count, the rest of a range
        return f"{repr(value) if origin == 'itertools' else ''} {operator.length_hint(value)}"
    return ""


def _bytes(tensor: Tensor) -> str:
    try:
        plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    except (RuntimeError, NotImplementedError):  # no memory of its own: sparse or meta
        return ""
    return sha256(plain.numpy().tobytes()).hexdigest()
