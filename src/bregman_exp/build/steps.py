"""The forms in which a run's steps may be computed."""

import copy
from typing import cast

from torch import nn

from bregman_exp.build.objects import device, half
from bregman_exp.compiling import bf16_is_fast_here, compiled, forget_compiled, missing_for_cpu
from bregman_exp.config import (
    ConfigError,
    Resnet,
    Run,
    require,
)
from bregman_exp.models import FusedForm, ResNet
from bregman_exp.training.form import CAPTURED, EAGER, FORMS, Form
from bregman_exp.training.forward import FixedSize, Forward, Logits, OwnForward, SharedForward


def precision_advice(run: Run) -> str | None:
    """A sentence where ``trainer.precision`` is no faster than 32-true on this machine, else None."""
    if half(run) is None or device(run).type != "cpu" or bf16_is_fast_here():
        return None
    return "trainer.precision=bf16-mixed: this CPU has no bfloat16 arithmetic, so 32-true is faster and exact"


def forms(run: Run) -> list[Form]:
    """The forms in which the run's steps may be computed on its device, the plain one first.

    Raises ConfigError, with the reason, where ``trainer.fast`` asks for another one.
    """
    settings, asked = run.trainer, run.trainer.fast
    of_device = FORMS[device(run).type]
    if asked is not None and asked not in {form.name for form in of_device}:
        names = ", ".join(form.name for form in of_device)
        raise ConfigError(f"trainer.fast={asked}: with trainer={settings.accelerator} there are {names}.")
    obstacles = {form: reason for form in of_device if (reason := _obstacle(run, form))}
    for form, reason in obstacles.items():
        require(form.name != asked, f"trainer.fast={asked}: {reason}")
    return [form for form in of_device if form not in obstacles]


def _obstacle(run: Run, form: Form) -> str | None:
    """Why this form is not possible for the run; None where it is."""
    settings, on_cpu = run.trainer, device(run).type == "cpu"
    missing, alone = missing_for_cpu() if on_cpu else None, run.of_a_network_alone
    robust = run.training.is_robust and f"training={run.training.objective}"
    reasons = {
        f"with {robust} a step has the plain form alone; use null": form != EAGER and robust,
        "only ResNets have other forms; use null (for MLPs, seeds=0..63 is faster)": form != EAGER
        and not isinstance(run.model, Resnet),
        f"with trainer.devices={settings.devices} it is not possible; use null": form != EAGER
        and settings.devices > 1,
        f"it needs {missing}, which is not installed; install it or use null": form.compiled and missing,
        "with trainer.patience it is not possible; use null": form.captured and settings.patience is not None,
        "with trainer.precision=16-mixed it is not possible; use bf16-mixed": form.captured
        and settings.precision == "16-mixed",
        f"with {' and '.join(alone)} it is not possible; use null": form.captured and alone,
        "with optim.l1 it is not possible; use null": form.captured and run.optim.l1 > 0,
        "with trainer.precision=bf16-mixed there is no TF32; leave -tf32 out": form.tf32 and half(run),
        "it trains like eager, piece by piece": form == CAPTURED and on_cpu and settings.fast is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def forward(run: Run, net: nn.Module, form: Form) -> Forward:
    """Computes the logits of networks of ``net``'s architecture in this form, on its device."""
    if not form.compiled:
        return OwnForward()
    forget_compiled()  # frees the networks of earlier runs in this process
    size = run.trainer.batch_size
    if not form.captured:  # one network: Lightning's optimizer steps its own parameters
        return OwnForward(FixedSize(_compiled(net), net, size))
    template = copy.deepcopy(net)
    return SharedForward(template, _compiled(template), size)


def _compiled(net: nn.Module) -> Logits:
    return compiled(FusedForm(cast(ResNet, net)), next(net.parameters()).device)
