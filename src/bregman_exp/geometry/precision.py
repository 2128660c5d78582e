"""Half-precision tensors are computed in float32 inside a formula and cast back at its end."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)


def widen(tensor: Tensor) -> Tensor:
    """The tensor in float32 if it is in half precision, else the tensor itself."""
    return tensor.float() if tensor.dtype in HALF else tensor


def in_float32(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method of tensors that computes in float32 where these are half; it returns the first one's dtype."""

    @wraps(method)
    def wrapper(self: Any, *tensors: Tensor) -> Tensor:
        if not any(tensor.dtype in HALF for tensor in tensors):
            return method(self, *tensors)
        return method(self, *(widen(tensor) for tensor in tensors)).to(tensors[0].dtype)

    return wrapper
