"""The attacked model, with its surrogates and the source of a transfer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from bregman_exp.robustness.isolation import in_dtype


@runtime_checkable
class HasSurrogates(Protocol):
    """A model that offers surrogates of itself for attacks on hidden gradients."""

    def surrogates(self) -> dict[str, nn.Module]:
        """name -> a model with the same logits whose gradient is not hidden."""
        ...


@dataclass(frozen=True)
class Victim:
    """``surrogates``: the model's surrogates by name; ``source``: the model that a transfer attacks."""

    model: nn.Module
    seed: int = 0
    surrogates: Mapping[str, nn.Module] = field(default_factory=dict)
    source: nn.Module | None = None

    @classmethod
    def of(cls, model: nn.Module, seed: int, source: nn.Module | None) -> "Victim":
        surrogates = model.surrogates() if isinstance(model, HasSurrogates) else {}
        return cls(model, seed, surrogates, source)

    @property
    def models(self) -> list[nn.Module]:
        """The model, its surrogates and the source."""
        return [self.model, *self.surrogates.values(), *([] if self.source is None else [self.source])]

    def in_dtype(self, dtype: torch.dtype) -> "Victim":
        """This victim with every model in this dtype; models in another dtype are copied."""
        surrogates = {name: in_dtype(model, dtype) for name, model in self.surrogates.items()}
        source = None if self.source is None else in_dtype(self.source, dtype)
        return replace(self, model=in_dtype(self.model, dtype), surrogates=surrogates, source=source)

    def surrogate(self, name: str) -> nn.Module:
        """The surrogate of this name; ValueError if the model has none."""
        if name not in self.surrogates:
            available = ", ".join(self.surrogates) or "none"
            raise ValueError(f"through={name}: the model has no such surrogate; it has {available}.")
        return self.surrogates[name]

    @property
    def transfer_source(self) -> nn.Module:
        """The model that a transfer attacks; ValueError if there is none."""
        if self.source is None:
            raise ValueError("attack=transfer needs the model to transfer from; give source=….")
        return self.source
