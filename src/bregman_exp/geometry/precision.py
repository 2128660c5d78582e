"""Formulas on half-precision tensors are computed in float32 and cast back."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)


def widen(tensor: Tensor) -> Tensor:
    """The tensor in float32 if it is in half precision, else unchanged."""
    return tensor.float() if tensor.dtype in HALF else tensor


def in_float32(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method, computed in float32 for half-precision tensors and cast to the first tensor's dtype."""

    @wraps(method)
    def wrapper(self: Any, *tensors: Tensor) -> Tensor:
        if not any(tensor.dtype in HALF for tensor in tensors):
            return method(self, *tensors)
        return method(self, *(widen(tensor) for tensor in tensors)).to(tensors[0].dtype)

    return wrapper
