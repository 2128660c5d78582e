"""The attacked model, with what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import nn

SOURCE = "source"


@runtime_checkable
class HasSurrogates(Protocol):
    """A model that offers twins of itself for the straight-through check."""

    def surrogates(self) -> dict[str, nn.Module]:
        """name -> a model of the same logits whose gradient is not hidden."""
        ...


@dataclass(frozen=True)
class Victim:
    """``twins``: by name, the model's surrogates and, as "source", the model that a transfer starts from."""

    model: nn.Module
    seed: int = 0
    twins: Mapping[str, nn.Module] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, seed: int, source: nn.Module | None) -> "Victim":
        twins = dict(model.surrogates()) if isinstance(model, HasSurrogates) else {}
        return cls(model, seed, twins if source is None else twins | {SOURCE: source})

    def twin(self, name: str) -> nn.Module:
        """The twin of this name; ValueError, in one sentence, where there is none."""
        if name not in self.twins:
            there = ", ".join(self.twins) or "none"
            hint = "; give source=<run>" if name == SOURCE else ""
            raise ValueError(
                f"the attack needs the model {name!r} beside the attacked one; there is {there}{hint}."
            )
        return self.twins[name]
