"""The finished batches of an evaluation, stored so that an interrupted evaluation can be resumed."""

import hashlib
import json
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack_result import Counts

# key of a batch -> its arrays; a dict, or files
Parts = MutableMapping[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Part:
    """The result of an attack on a batch of n samples, for E values of ε.

    survivors (E, n) bool; violation (E,); points (E, n, …) and predicted (E, n); the others as in
    ``Robustness``, for the n samples or the whole batch.
    """

    survivors: Tensor
    violation: Tensor
    seconds: float
    counts: Counts
    undecided: int | None = None
    late: Tensor | None = None
    distances: Tensor | None = None
    points: Tensor | None = None
    predicted: Tensor | None = None
    repeated: int = 0
    differing: int = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """The part as arrays, without rounding."""
        numbers = {stored: getattr(self, name) for stored, name in NUMBERS.items()}
        tensors = {name: getattr(self, name) for name in TENSORS}
        arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items() if tensor is not None}
        return arrays | {"facts": np.array(json.dumps(numbers))}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Part":
        """The inverse of ``arrays()``."""
        numbers = json.loads(str(arrays["facts"]))
        fields: dict[str, Any] = {NUMBERS[stored]: value for stored, value in numbers.items()}
        fields |= {name: torch.from_numpy(arrays[name]) for name in TENSORS if name in arrays}
        return cls(**fields)


# stored name -> field; the stored names do not change, so that old files can be read
NUMBERS = {
    "seconds": "seconds",
    "counts": "counts",
    "undecided": "undecided",
    "asked": "repeated",
    "otherwise": "differing",
}
TENSORS = ("survivors", "violation", "late", "distances", "points", "predicted")


def digest(*contents: Any) -> str:
    """Twelve hex digits over tensors (bytes), models (repr, weights, buffers) and plain values."""
    hashed = hashlib.sha256()
    for content in contents:
        if isinstance(content, nn.Module):
            tensors = [*content.parameters(), *content.buffers()]
            hashed.update(repr((repr(content), [_bytes(t) for t in tensors])).encode())
        elif isinstance(content, Tensor):
            hashed.update(_bytes(content))
        else:
            hashed.update(json.dumps(content, sort_keys=True, default=str).encode())
        hashed.update(b"|")
    return hashed.hexdigest()[:12]


def _bytes(tensor: Tensor) -> bytes:
    plain = tensor.detach().cpu().contiguous()
    return (
        hashlib.sha256(plain.flatten().view(torch.uint8).numpy().tobytes()).digest() if plain.numel() else b""
    )
