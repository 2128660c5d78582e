"""A witness of the evaluation: whether the model stays what it is, and answers alike whoever asks."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.fingerprint import fingerprint

CALLS, ROWS = 8, 4  # of an attack, that are noted
ROWS_AT_FIRST = 16  # of each noted call of the clean pass
FEW = 2  # of these rows are asked about again with each attack, all of them at the end
ALONE = 2  # rows that are asked about by themselves
OTHERWISE = 1e-3  # over 1 + the row's largest |logit|: more than another batch size changes by rounding


@dataclass
class Notes:
    """Rows of calls (n, …) with the logits that the model gave them (n, K), drawn while the calls come.

    Every call is as likely to be noted as any other, so a model cannot be honest in those alone.
    """

    draw: random.Random
    rows: int = ROWS
    calls: int = CALLS
    seen: int = 0
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def take(self, x: Any, logits: Any) -> None:
        """Of one call."""
        self.seen += 1
        place = len(self.kept) if len(self.kept) < self.calls else self.draw.randrange(self.seen)
        if place < self.calls and _is_answer(x, logits):
            chosen = self.draw.sample(range(len(logits)), min(self.rows, len(logits)))
            self.kept[place : place + 1] = [(x.detach()[chosen], logits.detach()[chosen])]


class Noted(nn.Module):
    """The model, with ``notes`` of every call.

    It stands outside the model: a hook is at the model's mercy, and a compiler would follow it.
    """

    def __init__(self, model: nn.Module, notes: Notes):
        super().__init__()
        self.model, self.notes = model, notes
        self.training = model.training
        if hasattr(model, "interval"):  # attack=exact asks for it
            self.interval = model.interval

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        self.notes.take(x, logits)
        return logits

    def _get_name(self) -> str:
        return self.model._get_name()


class FreshCopies:
    """Copies of a model as it is now, each asked once.

    ``missing``: whether one could not be made or asked, for whatever the model holds (a lock, an open file, a
    tensor that is no leaf) or for want of memory.
    """

    def __init__(self, model: nn.Module):
        self.missing = False
        try:
            self.pristine = copy.deepcopy(model)
        except Exception:
            self.pristine, self.missing = None, True

    def answers(self, x: Tensor) -> Tensor | None:
        """The logits (n, K) of a new copy; None where it is missing."""
        if self.pristine is None:
            return None
        try:
            return _backwards(copy.deepcopy(self.pristine), x)
        except Exception:
            self.missing = True
            return None


@dataclass
class Witness:
    """``model`` as it is evaluated, with fresh copies of it and what it said at first.

    ``changed``: the names of what has changed in the model since the clean pass: an attribute that is first
    set when it is first asked is no change.
    """

    model: nn.Module
    copies: FreshCopies = field(init=False)
    first: Notes = field(default_factory=lambda: notes_of("clean", rows=ROWS_AT_FIRST))
    state: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.copies = FreshCopies(self.model)

    def at_first(self) -> nn.Module:
        """The model for the clean pass, with notes of it."""
        return Noted(self.model, self.first)

    def remember(self) -> None:
        """The state after the clean pass, which is not to change any more."""
        self.state = fingerprint(self.model)

    def look(self) -> None:
        """Sees what has changed by now."""
        now = fingerprint(self.model)
        names = now.keys() | self.state.keys()
        self.changed |= {name for name in names if now.get(name) != self.state.get(name)}

    def asks_again(self, model: nn.Module, *notes: Notes) -> tuple[int, int]:
        """How many noted rows are asked about once more, and how many of them get another answer.

        ``model``: who gave the answers, ``self.model`` or a copy of it in another type. Rows are asked about
        in another order, without gradients, together and some alone; the same of a fresh copy. What was said
        at first is asked about too.
        """
        here = model is self.model
        every = [call for each in notes for call in each.kept]
        if here:
            every += [(x[:FEW], logits[:FEW]) for x, logits in self.first.kept]
        return asked_again(model, self.copies if here else None, every)


def notes_of(stream: str, *counters: int, rows: int = ROWS) -> Notes:
    """Notes whose choice follows from the key: an evaluation that was interrupted makes the same."""
    return Notes(random.Random(generator(0, f"notes-{stream}", *counters).initial_seed()), rows)


@torch.no_grad()
def asked_again(
    model: nn.Module, copies: FreshCopies | None, kept: Sequence[tuple[Tensor, Tensor]]
) -> tuple[int, int]:
    """Of the noted rows how many there are, and how many get another answer from the model or from a fresh
    copy."""
    if not kept:
        return 0, 0
    x, said = torch.cat([rows for rows, _ in kept]), torch.cat([logits for _, logits in kept])
    otherwise = _differ(_backwards(model, x), said)
    for row in range(0, len(x), max(1, len(x) // ALONE)):
        otherwise[row] |= _differ(model(x[row : row + 1]), said[row : row + 1])[0]
    fresh = None if copies is None else copies.answers(x)
    if fresh is not None:
        otherwise |= _differ(fresh, said)
    return len(x), int(otherwise.sum())


def _backwards(model: nn.Module, x: Tensor) -> Tensor:
    return model(x.flip(0)).flip(0)


def _differ(logits: Tensor, said: Tensor) -> Tensor:
    """Whether each row is another one, (n,)."""
    scale = 1 + said.nan_to_num(posinf=0, neginf=0).abs().amax(dim=1, keepdim=True)
    close = torch.isclose(logits / scale, said / scale, rtol=0, atol=OTHERWISE, equal_nan=True)
    return ~close.all(dim=1)


def _is_answer(x: Any, logits: Any) -> bool:
    """Whether this is a plain call with samples: a transformed function's tensors must not be kept."""
    if not isinstance(x, Tensor) or not isinstance(logits, Tensor) or 0 in (x.dim(), logits.dim()):
        return False
    transformed = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore
    return len(x) == len(logits) > 0 and not transformed(x) and not transformed(logits)
