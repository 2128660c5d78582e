"""A witness of the evaluation: does the model keep its state, and does it repeat its answers?"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.fingerprint import fingerprint

CALLS, ROWS = 8, 4  # recorded for each batch of an attack: calls, and rows of each call
CLEAN_ROWS = 16  # recorded for each call of the clean pass
REPEATED_CLEAN_ROWS = 2  # of them are repeated with each attack, all of them at the end
SINGLE_ROWS = 2  # about as many rows are repeated in a batch of their own
DIFFERENCE = 1e-3  # over 1 + the row's largest |logit|: more than the rounding of another batch size


@dataclass
class Recorder:
    """A random sample of calls: some rows x (n, …) of each with their logits (n, K).

    All calls are equally likely to be in the sample, so a model cannot behave well in these calls only.
    """

    draw: random.Random
    rows: int = ROWS
    calls: int = CALLS
    seen: int = 0
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def record(self, x: Any, logits: Any) -> None:
        """Offers a call to the sample (reservoir sampling)."""
        self.seen += 1
        slot = len(self.kept) if len(self.kept) < self.calls else self.draw.randrange(self.seen)
        if slot < self.calls and _is_answer(x, logits):
            chosen = self.draw.sample(range(len(logits)), min(self.rows, len(logits)))
            self.kept[slot : slot + 1] = [(x.detach()[chosen], logits.detach()[chosen])]


class Recorded(nn.Module):
    """The model, whose calls go to the recorder.

    It is a wrapper, because the model could remove a hook, and torch.compile would trace a hook.
    """

    def __init__(self, model: nn.Module, recorder: Recorder):
        super().__init__()
        self.model, self.recorder = model, recorder
        self.training = model.training
        if hasattr(model, "interval"):  # for attack=exact
            self.interval = model.interval

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        self.recorder.record(x, logits)
        return logits

    def _get_name(self) -> str:
        return self.model._get_name()


class FreshCopies:
    """Copies of the model as it was at the start, each called once.

    ``missing``: whether a copy could not be made or called, because of something in the model (a lock, an
    open file, a tensor that is not a leaf) or too little memory.
    """

    def __init__(self, model: nn.Module):
        self.missing = False
        try:
            self.pristine = copy.deepcopy(model)
        except Exception:
            self.pristine, self.missing = None, True

    def answers(self, x: Tensor) -> Tensor | None:
        """The logits (n, K) of a new copy; None if it is missing."""
        if self.pristine is None:
            return None
        try:
            return _in_reverse_order(copy.deepcopy(self.pristine), x)
        except Exception:
            self.missing = True
            return None


@dataclass
class Witness:
    """The evaluated model, with fresh copies of it and recorded calls of the clean pass.

    ``changed``: the names of parameters, buffers and attributes that have changed since the clean pass.
    Attributes that the first call sets are not among them.
    """

    model: nn.Module
    copies: FreshCopies = field(init=False)
    clean: Recorder = field(default_factory=lambda: new_recorder("clean", rows=CLEAN_ROWS))
    state: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.copies = FreshCopies(self.model)

    def recorded(self) -> nn.Module:
        """The model for the clean pass, which is recorded."""
        return Recorded(self.model, self.clean)

    def record_state(self) -> None:
        """Records the state after the clean pass, which must not change any more."""
        self.state = fingerprint(self.model)

    def compare_state(self) -> None:
        """Adds to ``changed`` what has changed since ``record_state``."""
        now = fingerprint(self.model)
        names = now.keys() | self.state.keys()
        self.changed |= {name for name in names if now.get(name) != self.state.get(name)}

    def repeat(self, model: nn.Module, *recorders: Recorder) -> tuple[int, int]:
        """Repeats recorded calls; returns how many rows were repeated, and how many got another answer.

        ``model``: the model that was called, ``self.model`` or a copy of it in another dtype. If it is
        ``self.model``, a fresh copy is called too, and some rows of the clean pass are repeated.
        """
        is_original = model is self.model
        calls = [call for recorder in recorders for call in recorder.kept]
        if is_original:
            calls += [
                (x[:REPEATED_CLEAN_ROWS], logits[:REPEATED_CLEAN_ROWS]) for x, logits in self.clean.kept
            ]
        return repeat_calls(model, self.copies if is_original else None, calls)


def new_recorder(stream: str, *counters: int, rows: int = ROWS) -> Recorder:
    """A recorder whose sample depends only on the key, so that a resumed evaluation records the same."""
    return Recorder(random.Random(generator(0, f"notes-{stream}", *counters).initial_seed()), rows)


@torch.no_grad()
def repeat_calls(
    model: nn.Module, copies: FreshCopies | None, calls: Sequence[tuple[Tensor, Tensor]]
) -> tuple[int, int]:
    """The number of recorded rows, and how many get another answer from the model or from a fresh copy.

    The rows are given in reverse order, without gradients, all together; some are also given one by one.
    """
    if not calls:
        return 0, 0
    x, recorded = torch.cat([rows for rows, _ in calls]), torch.cat([logits for _, logits in calls])
    differing = _differ(_in_reverse_order(model, x), recorded)
    for row in range(0, len(x), max(1, len(x) // SINGLE_ROWS)):
        differing[row] |= _differ(model(x[row : row + 1]), recorded[row : row + 1])[0]
    fresh = None if copies is None else copies.answers(x)
    if fresh is not None:
        differing |= _differ(fresh, recorded)
    return len(x), int(differing.sum())


def _in_reverse_order(model: nn.Module, x: Tensor) -> Tensor:
    return model(x.flip(0)).flip(0)


def _differ(logits: Tensor, recorded: Tensor) -> Tensor:
    """Whether each row differs from the recorded one, (n,)."""
    scale = 1 + recorded.nan_to_num(posinf=0, neginf=0).abs().amax(dim=1, keepdim=True)
    close = torch.isclose(logits / scale, recorded / scale, rtol=0, atol=DIFFERENCE, equal_nan=True)
    return ~close.all(dim=1)


def _is_answer(x: Any, logits: Any) -> bool:
    """Whether this is a plain call with samples; tensors of a functorch transform must not be kept."""
    if not isinstance(x, Tensor) or not isinstance(logits, Tensor) or 0 in (x.dim(), logits.dim()):
        return False
    transformed = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore
    return len(x) == len(logits) > 0 and not transformed(x) and not transformed(logits)
