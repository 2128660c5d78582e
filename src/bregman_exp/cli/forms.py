"""Which form a run's steps are computed in."""

from functools import cache

import torch

from bregman_exp import build
from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.data import as_unit, subset
from bregman_exp.training import (
    EAGER,
    PLAIN,
    Candidates,
    Choice,
    Form,
    Forward,
    OwnForward,
    Trial,
    choose,
    try_step,
)

WORTH_TRYING = 500  # steps: in fewer nothing can be won that the trials do not take


def choose_form(job: Job, networks: int = 1, begun_in: str | None = None) -> tuple[Choice, Forward]:
    """The form and what computes it, each form tried on a batch with the network, afterwards as before.

    ``trainer.fast`` decides by hand; else a training goes on in the form it was ``begun_in``, for the same
    numbers; else the fastest that holds is taken. What was seen is told. Raises ConfigError where the form
    that is asked for is not possible, FormRefusedError where it does not hold.
    """
    run, data = job.run, job.data
    advice = build.precision_advice(run)
    if advice is not None:
        log.info("%s", advice)
    forms = build.forms(run)
    asked = run.trainer.fast
    if asked is None and begun_in in {form.name for form in forms}:
        asked = begun_in
    elif asked is None and begun_in is not None:
        log.info("it was begun in the form %s, which is not possible here", begun_in)
    steps = run.trainer.max_epochs * -(-len(data.train) // run.trainer.batch_size)
    if asked == EAGER.name or forms == [EAGER] or (asked is None and steps < WORTH_TRYING):
        return PLAIN, OwnForward()
    forwards: dict[Form, Forward] = {}
    choice = choose(_candidates(job, forms, steps * networks, forwards), asked)
    for sentence in choice.sentences():
        log.info("%s", sentence)
    return choice, forwards.get(choice.form, OwnForward())


def _candidates(job: Job, forms: list[Form], steps: int, forwards: dict[Form, Forward]) -> Candidates:
    """The trials; what computes a form is made once, and kept in ``forwards``."""
    run, data, device, half = job.run, job.data, job.device, build.half(job.run)
    net = job.network.to(device)
    some = subset(data.train, min(run.trainer.batch_size, len(data.train)), run.seed)
    batch = as_unit(some.x).to(device), some.y.to(device)

    def trial(form: Form) -> Trial:
        forwards[form] = build.forward(run, net, form)
        return try_step(net, run.optim, forwards[form], batch, form, half)

    @cache
    def plain(in_tf32: bool, in_half: torch.dtype | None) -> Trial:
        return try_step(net, run.optim, OwnForward(), batch, Form("plain", tf32=in_tf32), in_half)

    return Candidates(
        forms, trial, lambda form: plain(form.tf32, half), lambda: plain(False, None), steps, device.type
    )
