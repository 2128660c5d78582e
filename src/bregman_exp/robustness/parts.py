"""What is finished of a long evaluation, so that an interrupted one goes on where it was."""

import hashlib
import json
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.robustness.found import Counts

# key of a batch -> its arrays; a plain dict, or files
Parts = MutableMapping[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Part:
    """What an attack left of one batch of n samples, for each of E sizes.

    survivors (E, n) bool; violation (E,); counts, asked and otherwise of the whole batch; the rest as in
    ``Robustness``, for the n samples, and for each size points (E, n, …) and predicted (E, n).
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
    asked: int = 0
    otherwise: int = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """The part as arrays, exactly."""
        facts = {name: getattr(self, name) for name in FACTS}
        tensors = {name: getattr(self, name) for name in TENSORS}
        kept = {name: tensor.cpu().numpy() for name, tensor in tensors.items() if tensor is not None}
        return kept | {"facts": np.array(json.dumps(facts))}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Part":
        """The part whose ``arrays()`` these are."""
        fields: dict[str, Any] = json.loads(str(arrays["facts"]))
        fields |= {name: torch.from_numpy(arrays[name]) for name in TENSORS if name in arrays}
        return cls(**fields)


FACTS = ("seconds", "counts", "undecided", "asked", "otherwise")
TENSORS = ("survivors", "violation", "late", "distances", "points", "predicted")


def digest(*contents: Any) -> str:
    """Twelve hex digits over tensors (their bytes), models (parts, weights, buffers) and plain values."""
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
