"""The choice of the form in which a run's steps are computed."""

from functools import cache

import torch
from torch import nn

from bregman_exp import build
from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.data import as_unit, subset
from bregman_exp.training.form import EAGER, PLAIN, Choice, Form
from bregman_exp.training.forward import Forward, OwnForward
from bregman_exp.training.probe import Candidates, Trial, choose, try_step

WORTH_TRYING = 500  # steps: with fewer, the trials take longer than a faster form saves


def choose_form(
    job: Job, net: nn.Module, networks: int = 1, checkpoint_form: str | None = None
) -> tuple[Choice, Forward]:
    """The form and its ``Forward``. Each form is tried on a batch with ``net``, whose state does not change.

    ``trainer.fast`` decides if it is set; else a resumed training keeps its ``checkpoint_form``, for the same
    numbers; else the fastest form that agrees with the plain one is taken. The choice is logged. Raises
    ConfigError where ``trainer.fast`` is not possible, FormRefusedError where it does not agree.
    """
    run, data = job.run, job.data
    advice = build.precision_advice(run)
    if advice is not None:
        log.warning("%s", advice)
    forms = build.forms(run)
    asked = run.trainer.fast
    if asked is None and checkpoint_form in {form.name for form in forms}:
        asked = checkpoint_form
    elif asked is None and checkpoint_form is not None:
        log.warning("the training began in the form %s, which is not possible here", checkpoint_form)
    steps = run.trainer.max_epochs * run.trainer.limited(-(-len(data.train) // run.trainer.batch_size))
    if asked == EAGER.name or forms == [EAGER] or (asked is None and steps < WORTH_TRYING):
        return PLAIN, OwnForward()
    forwards: dict[Form, Forward] = {}
    choice = choose(_candidates(job, net.to(job.device), forms, steps * networks, forwards), asked)
    for sentence in choice.sentences():
        log.info("%s", sentence)
    return choice, forwards.get(choice.form, OwnForward())


def _candidates(
    job: Job, net: nn.Module, forms: list[Form], steps: int, forwards: dict[Form, Forward]
) -> Candidates:
    """The trials of the forms. The ``Forward`` of each form tried is stored in ``forwards``."""
    run, data, device, half = job.run, job.data, job.device, build.half(job.run)
    samples = subset(data.train, min(run.trainer.batch_size, len(data.train)), run.seed)
    batch = as_unit(samples.x).to(device), samples.y.to(device)

    def trial(form: Form) -> Trial:
        forwards[form] = build.forward(run, net, form)
        return try_step(net, run.optim, forwards[form], batch, form, half)

    @cache
    def plain(in_tf32: bool, in_half: torch.dtype | None) -> Trial:
        return try_step(net, run.optim, OwnForward(), batch, Form("plain", tf32=in_tf32), in_half)

    return Candidates(
        forms, trial, lambda form: plain(form.tf32, half), lambda: plain(False, None), steps, device.type
    )
