"""The forms of a training step: the same step, computed faster."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Form:
    """How a training step is computed.

    compiled: by torch.compile. captured: the whole step, data and optimizer included, is one CUDA graph, and
    several networks train side by side. tf32: matrix products of float32 tensors keep ten bits of the
    mantissa, on devices that can.

    On a CPU a captured step is a plain call, and its results equal those of the eager form bit for bit.
    """

    name: str
    compiled: bool = False
    captured: bool = False
    tf32: bool = False


EAGER = Form("eager")
CAPTURED = Form("captured", captured=True)
FORMS = {
    "cpu": (EAGER, Form("compiled", compiled=True), CAPTURED),
    "cuda": (
        EAGER,
        CAPTURED,
        Form("captured-tf32", captured=True, tf32=True),
        Form("compiled-tf32", compiled=True, captured=True, tf32=True),
        Form("compiled", compiled=True, captured=True),
    ),
}
FORM_NAMES = tuple(dict.fromkeys(form.name for forms in FORMS.values() for form in forms))


@dataclass
class Tried:
    """The trial of a form, as recorded in metrics.json.

    Differences are relative to the plain float32 step; ``gradient_difference`` and ``bound`` are those of the
    parameter that comes nearest to its bound.
    """

    form: str
    outcome: str  # chosen | slower | refused | skipped | not asked for
    milliseconds: float | None = None
    loss_difference: float | None = None
    gradient_difference: float | None = None
    bound: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Choice:
    """The form that a training uses, and the trials it was chosen from."""

    form: Form
    tried: list[Tried] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        """The entries of a checkpoint, in plain containers."""
        return {"form": self.form.name, "forms": [asdict(each) for each in self.tried]}

    def sentences(self) -> Iterator[str]:
        """A line of run.log for each form."""
        for each in self.tried:
            speed = "" if each.milliseconds is None else f", {each.milliseconds:.3g} ms a step"
            reason = f": {each.reason}" if each.reason else ""
            yield f"form {each.form} {each.outcome}{speed}{reason}"


PLAIN = Choice(EAGER)


def compute_in(form: Form) -> None:
    """Sets what ``computing_in`` sets, permanently: for a process that trains and ends."""
    torch.set_float32_matmul_precision("high" if form.tf32 else "highest")
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = form.tf32, True


@contextmanager
def computing_in(form: Form) -> Generator[None]:
    """Within, products of float32 tensors on a GPU are in TF32 or not as the form says, and cuDNN uses the
    kernels that it measures to be fastest for each shape. The settings before are restored on exit."""
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark
    compute_in(form)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32, cudnn.benchmark = before[1:]
