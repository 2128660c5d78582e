"""Chooses the form of a training: each is compared with the plain form on a batch, then timed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bregman_exp.training.form import EAGER, Choice, Form, Tried, computing_in
from bregman_exp.training.forward import Forward
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.side_by_side.graph import unchanged
from bregman_exp.training.side_by_side.lane import Lane

TIMED_STEPS = {"cpu": 3, "cuda": 10}
RAISES = "it raises"
TINY = 1e-30  # added to denominators that may be 0
# Bounds on the relative difference of a form's loss, and of each parameter's gradient, from those of the
# plain float32 step: EXACT for rounding; in a coarser precision NOISE times the difference of the plain step
# in that precision, but at most COARSEST, since a lost gradient differs by 1.
EXACT = 1e-3
NOISE = 2.0
COARSEST = 0.5
# Compiling takes half a minute; it is tried where the run is long enough for a small gain to pay for it.
COMPILE_SECONDS = {"cpu": 30.0, "cuda": 40.0}
LEAST_GAIN = {"cpu": 0.05, "cuda": 0.15}


class FormRefusedError(ValueError):
    """The requested form does not compute what the plain form does."""


@dataclass(frozen=True)
class Trial:
    """A step from the network's weights: loss, gradients, and the seconds that a step takes."""

    loss: float
    gradients: list[Tensor]
    seconds: float


@dataclass(frozen=True)
class Candidates:
    """The forms to choose from, and how to try them.

    ``trial`` takes a step in a form; ``exact`` takes the plain step in float32 without TF32, ``plain`` the
    plain step in the form's precision (the same function where that is float32). ``steps`` is the number of
    steps of the whole training, all networks together.
    """

    forms: Sequence[Form]
    trial: Callable[[Form], Trial]
    plain: Callable[[Form], Trial]
    exact: Callable[[], Trial]
    steps: int
    device: str


def choose(candidates: Candidates, asked: str | None) -> Choice:
    """The fastest form that holds, or the form ``asked`` for, if it holds.

    A form holds if its loss and each parameter's gradient differ from those of the plain float32 step by at
    most 1e-3 (relative). In a coarser precision, twice the difference of the plain step in that precision is
    allowed, up to 0.5. A form that raises or differs is refused, with the reason; after a form has raised, no
    captured form is tried. Raises FormRefusedError if the refused form was asked for.
    """
    exact = candidates.exact()
    plain = candidates.plain(EAGER)
    tried = [Tried(EAGER.name, "slower", 1e3 * plain.seconds)]
    seconds = {EAGER: plain.seconds}
    forms = [form for form in candidates.forms if form != EAGER and asked in (None, form.name)]
    for form in forms:
        reason = "" if asked else _not_worth_trying(form, seconds, candidates, tried)
        if reason:
            tried.append(Tried(form.name, "skipped", reason=reason))
            continue
        result, trial = _compare(form, candidates, exact)
        tried.append(result)
        if trial is not None:
            seconds[form] = trial.seconds
    if asked is not None:
        del seconds[EAGER]
        tried[0].outcome = "not asked for"
        if not seconds:
            raise FormRefusedError(f"the form {asked}: {tried[-1].reason}; use trainer.fast=false.")
    form = min(seconds, key=lambda form: seconds[form])
    for each in tried:
        each.outcome = "chosen" if each.form == form.name else each.outcome
    return Choice(form, tried)


def _not_worth_trying(
    form: Form, seconds: Mapping[Form, float], candidates: Candidates, tried: Sequence[Tried]
) -> str:
    """Why trying this form would not pay, given the seconds of the forms that hold; "" if it may."""
    if form.captured and any(each.reason.startswith(RAISES) for each in tried):
        return "a form has raised, and the device may still be in the middle of its capture"
    if not form.compiled:
        return ""
    if any(other.compiled for other in seconds):
        return "it takes as long to compile as its TF32 form, which holds and is faster"
    gain = min(seconds.values()) * candidates.steps * LEAST_GAIN[candidates.device]
    few = f"{candidates.steps} steps are too few for compiling to pay"
    return few if gain < COMPILE_SECONDS[candidates.device] else ""


def _compare(form: Form, candidates: Candidates, exact: Trial) -> tuple[Tried, Trial | None]:
    """The record of a form's trial, and the trial itself if the form holds."""
    try:
        trial = candidates.trial(form)
    except Exception as error:  # whatever a compiler or a driver raises, the plain form remains
        message = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {message[0] if message else ''}"
        return Tried(form.name, "refused", reason=f"{RAISES} {reason}"), None
    differences = _differences(trial, exact)
    noise = _differences(candidates.plain(form), exact)
    bounds = (NOISE * noise).clamp(EXACT, COARSEST).nan_to_num(EXACT)
    worst = 1 + int((differences / bounds)[1:].nan_to_num(torch.inf).argmax())  # of the gradients
    loss, gradient, bound = (float(each) for each in (differences[0], differences[worst], bounds[worst]))
    tried = Tried(form.name, "slower", 1e3 * trial.seconds, loss, gradient, bound)
    for what, place in (("loss", 0), ("gradient", worst)):
        difference, allowed = float(differences[place]), float(bounds[place])
        if not difference <= allowed:  # also NaN
            by = f"its {what} differs by {difference:.2g} from the plain step's"
            return replace(tried, outcome="refused", reason=f"{by}, where {allowed:.2g} is allowed"), None
    return tried, trial


def _differences(trial: Trial, exact: Trial) -> Tensor:
    """|loss − loss*| / |loss*|, then ‖g − g*‖ / (‖g*‖ + 1 % of the norm of all gradients) by parameter."""
    length = float(torch.stack([g.double().norm() for g in exact.gradients]).norm())
    gradients = [
        float((g.double() - wanted.double()).norm() / (wanted.double().norm() + 0.01 * length + TINY))
        for g, wanted in zip(trial.gradients, exact.gradients, strict=True)
    ]
    return torch.tensor([abs(trial.loss - exact.loss) / (abs(exact.loss) + TINY), *gradients])


class _OneBatch:
    """An epoch of a single batch, always the same."""

    def __init__(self, x: Tensor, y: Tensor):
        self.x, self.y, self.sizes = x, y, [len(y)]

    def begin(self, epoch: int) -> None:
        """Does nothing: all epochs are equal."""

    def at(self, place: Tensor) -> tuple[Tensor, Tensor]:
        return self.x, self.y


def try_step(
    model: nn.Module,
    optim: Optim,
    forward: Forward,
    batch: tuple[Tensor, Tensor],
    form: Form,
    half: torch.dtype | None,
) -> Trial:
    """Takes a step of the model in this form, then times a few; restores the model."""
    with computing_in(form), unchanged(model):
        lane = Lane(model, optim, _OneBatch(*batch), forward, half, captured=form.captured)
        lane.prepare()
        loss = _step(lane)
        gradients = [gradient.detach().clone() for gradient in lane.gradients]
        seconds = []
        for _ in range(TIMED_STEPS[lane.device.type]):
            start = time.perf_counter()
            _step(lane)
            seconds.append(time.perf_counter() - start)
    model.zero_grad()
    return Trial(loss, gradients, min(seconds))


def _step(lane: Lane) -> float:
    """The loss of a step with learning rate 0, so that all steps are equal."""
    lane.begin(0, [0.0])
    lane.advance(lane.batches.sizes[0])
    return lane.read()[0]
