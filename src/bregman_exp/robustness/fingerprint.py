"""The state of a model, in a form that compares."""

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

DEEPEST = 6  # attributes of attributes
MOST = 1000  # items of a container
MOST_IN_ALL = 20_000  # values beside parameters and buffers; a foreign object may lead to everything else
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, Enum)
CONTAINERS = (dict, OrderedDict, MappingProxyType, list, tuple, set, frozenset, deque)
# Of an object that comes from one of these the type counts, unless it is a module of torch's.
LIBRARIES = ("torch", "numpy", "random")
LIGHTNING = ("lightning", "pytorch_lightning", "lightning_fabric")  # leads back to all that a trainer knows
# What nn.Module itself keeps, hooks and the training flag among it; other checks look at that flag.
OF_EVERY_MODULE = {*vars(nn.Module()), "_compiled_call_impl"}


def fingerprint(model: nn.Module) -> dict[str, str]:
    """Name ↦ digest of every parameter, buffer and other attribute of the model and its submodules.

    Attributes are followed into containers, closures, bound objects and plain objects, to 20 000 values in
    all; of what is foreign (a lock, an open file, an object of torch's or Lightning's), of what raises an
    error when it is looked at, and of what lies beyond that number, only the type counts.
    """
    look = _Look({id(module) for module in model.modules()})
    state: dict[str, str] = {}
    for path, module in model.named_modules():
        tensors = {**module._parameters, **module._buffers}  # pyright: ignore[reportPrivateUsage]
        for name, value in tensors.items():
            state[f"{path}.{name}".lstrip(".")] = _digest(look.at_tensor(value))
    for path, module in model.named_modules():
        for name, value in list(vars(module).items()):
            if name not in OF_EVERY_MODULE:
                state[f"{path}.{name}".lstrip(".")] = _digest(look.at(value, 0))
    return state


def _digest(content: Any) -> str:
    return sha256(repr(content).encode(errors="replace")).hexdigest()


@dataclass
class _Look:
    """One look at a model whose modules are ``inside``: what was ``seen`` is not followed again.

    Seen values are kept, since another value might get the id of one that is gone.
    """

    inside: set[int]
    seen: dict[int, Any] = field(default_factory=dict)
    left: int = field(default_factory=lambda: MOST_IN_ALL)

    def at_tensor(self, value: Tensor | None) -> str:
        self.seen[id(value)] = value
        return _itself(value)

    def at(self, value: Any, depth: int) -> Any:
        """What tells a value from another one of its type: strings and tuples of them."""
        kind = type(value).__name__
        if depth > 0 and self.left <= 0:  # a large attribute hides no other one's own value
            return kind
        self.left -= 1
        try:
            return self._content(value, kind, depth)
        except Exception:  # a foreign object's own, for being looked at: whatever it is
            return kind

    def _content(self, value: Any, kind: str, depth: int) -> Any:
        if isinstance(value, PLAIN):
            return repr(value)
        if depth > DEEPEST or id(value) in self.inside or id(value) in self.seen:
            return kind
        self.seen[id(value)] = value
        held = _held(value)
        if held is None:
            return kind, _itself(value)
        size = len(value) if isinstance(value, CONTAINERS) else None
        return kind, size, [self.at(item, depth + 1) for item in itertools.islice(held, MOST)]


def _held(value: Any) -> Iterable[Any] | None:
    """The values inside a value; None where it holds none that can be looked at."""
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
    if isinstance(value, nn.Module):  # one that is no submodule
        own = {name: item for name, item in vars(value).items() if name not in OF_EVERY_MODULE}
        return [value._parameters, value._buffers, value._modules, own]  # pyright: ignore[reportPrivateUsage]
    return None if isinstance(value, ModuleType) or not hasattr(value, "__dict__") else [vars(value)]


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _itself(value: Any) -> str:
    """The content of a value that holds no others."""
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
    if isinstance(value, Iterator) and origin in ("builtins", "itertools"):  # a count, the rest of a range
        return f"{repr(value) if origin == 'itertools' else ''} {operator.length_hint(value)}"
    return ""


def _bytes(tensor: Tensor) -> str:
    try:
        plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    except (RuntimeError, NotImplementedError):  # without memory of its own: sparse, on no device
        return ""
    return sha256(plain.numpy().tobytes()).hexdigest()
