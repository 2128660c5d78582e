"""The state of a model, in a form that compares."""

import operator
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from hashlib import sha256
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

DEEPEST = 6  # attributes of attributes
MOST = 1000  # items of a container, and their number
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, Enum)
# What nn.Module itself keeps, hooks and the training flag among it; other checks look at that flag.
OF_EVERY_MODULE = set(vars(nn.Module()))


def fingerprint(model: nn.Module) -> dict[str, str]:
    """Name ↦ digest of every parameter, buffer and other attribute of the model and its submodules.

    Attributes are followed into containers, closures, bound objects and plain objects; of what is foreign
    (a lock, an open file, an object of torch's) only the type counts.
    """
    inside = {id(module) for module in model.modules()}
    state: dict[str, str] = {}
    for path, module in model.named_modules():
        named: dict[str, Any] = {**module._parameters, **module._buffers}
        named |= {name: value for name, value in vars(module).items() if name not in OF_EVERY_MODULE}
        for name, value in named.items():
            content = _content(value, inside, 0)
            state[f"{path}.{name}".lstrip(".")] = sha256(repr(content).encode()).hexdigest()
    return state


def _content(value: Any, inside: set[int], depth: int) -> Any:
    """What tells a value from another one of its type: strings and tuples of them."""
    if isinstance(value, PLAIN):
        return repr(value)
    if depth > DEEPEST or id(value) in inside:
        return type(value).__name__
    held = _held(value)
    kind = type(value).__name__
    if held is None:
        return kind, _itself(value)
    inside = inside | {id(value)}  # a ring ends here
    first = [_content(item, inside, depth + 1) for item, _ in zip(held, range(MOST), strict=False)]
    return kind, operator.length_hint(value), first


def _held(value: Any) -> Iterable[Any] | None:
    """The values inside a value; None where it holds none that can be looked at."""
    if isinstance(value, Mapping):
        return (part for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set | frozenset | deque):
        return sorted(value, key=repr) if isinstance(value, set | frozenset) else value
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, nn.Module):  # one that is no submodule
        own = {name: item for name, item in vars(value).items() if name not in OF_EVERY_MODULE}
        return [value._parameters, value._buffers, value._modules, own]
    of_library = type(value).__module__.split(".")[0] in ("torch", "numpy", "random")
    return None if of_library or not hasattr(value, "__dict__") else [vars(value)]


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
    if isinstance(value, Iterator):  # a count, or what is left of a range
        shown = repr(value) if type(value).__module__ == "itertools" else ""
        return f"{shown} {operator.length_hint(value)}"
    return ""


def _bytes(tensor: Tensor) -> str:
    try:
        plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    except (RuntimeError, NotImplementedError):  # without memory of its own: sparse, on no device
        return ""
    return sha256(plain.numpy().tobytes()).hexdigest()
