"""The attacked model, with what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from bregman_exp.robustness.isolation import in_type


@runtime_checkable
class HasSurrogates(Protocol):
    """A model that offers twins of itself for the straight-through check."""

    def surrogates(self) -> dict[str, nn.Module]:
        """name -> a model of the same logits whose gradient is not hidden."""
        ...


@dataclass(frozen=True)
class Victim:
    """``twins``: the model's surrogates by name; ``source``: the model that a transfer starts from."""

    model: nn.Module
    seed: int = 0
    twins: Mapping[str, nn.Module] = field(default_factory=dict)
    source: nn.Module | None = None

    @classmethod
    def of(cls, model: nn.Module, seed: int, source: nn.Module | None) -> "Victim":
        twins = model.surrogates() if isinstance(model, HasSurrogates) else {}
        return cls(model, seed, twins, source)

    @property
    def models(self) -> list[nn.Module]:
        """The model and all that stand beside it."""
        return [self.model, *self.twins.values(), *([] if self.source is None else [self.source])]

    def computing_in(self, dtype: torch.dtype) -> "Victim":
        """The same, with copies of those models whose weights are of another type."""
        twins = {name: in_type(twin, dtype) for name, twin in self.twins.items()}
        source = None if self.source is None else in_type(self.source, dtype)
        return replace(self, model=in_type(self.model, dtype), twins=twins, source=source)

    def twin(self, name: str) -> nn.Module:
        """The surrogate of this name; ValueError, in one sentence, where the model has none."""
        if name not in self.twins:
            there = ", ".join(self.twins) or "none"
            raise ValueError(f"through={name}: the model has no such surrogate; it has {there}.")
        return self.twins[name]

    @property
    def transfer_source(self) -> nn.Module:
        """The model that a transfer starts from; ValueError where there is none."""
        if self.source is None:
            raise ValueError("attack=transfer needs a model to start from; give source=….")
        return self.source
