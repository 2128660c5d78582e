"""Networks of a row that train side by side in one form: the comparison with the plain step, and timings."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from benchmarks.networks import fast_training, network
from benchmarks.roofline import finish
from bregman_exp.compiling import forget_compiled
from bregman_exp.data import Augmentation, PaddedImages, PlannedBatches
from bregman_exp.training.form import Form, Tried
from bregman_exp.training.forward import Forward, OwnForward, SharedForward
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.probe import Candidates, Trial, choose, try_step
from bregman_exp.training.side_by_side import Lane

RECIPE = Optim()  # of the ResNets, with a constant learning rate
BURST = 3  # steps launched to an idle device: so few that no launch waits for an earlier one
LONG_TRAINING = 10**9  # steps: so many that every form is worth compiling


@dataclass(frozen=True)
class Setting:
    """A row of the table, the form of its steps, and the type of autocast (None: float32)."""

    row: str
    form: Form
    half: torch.dtype | None

    @property
    def arithmetic(self) -> str:
        """The arithmetic of matrix products: float32, tf32 or bf16."""
        return "bf16" if self.half is not None else "tf32" if self.form.tf32 else "float32"

    @property
    def variant(self) -> str:
        return self.form.name if self.half is None else f"{self.form.name} bf16"

    @property
    def label(self) -> str:
        return f"{self.row}, {self.variant}"


@dataclass(frozen=True)
class Speed:
    """Seconds of a step of all networks, and the seconds until the host has launched it."""

    step: float
    host: float


class Reference:
    """A row's network with a batch, and the plain steps that its forms are compared with."""

    def __init__(self, row: str, images: PaddedImages, size: int):
        self.net = network(row).to(images.y.device)
        batches = PlannedBatches(images, size, augment=Augmentation(), seed=0)
        batches.begin(0)
        self.batch = batches.at(torch.arange(size, device=images.y.device))
        self.plain = cache(self._plain)

    def compare(self, setting: Setting, forward: Forward) -> Tried:
        """The result of train.py's probe of the form: its differences, or why it is refused."""
        half, device = setting.half, self.batch[0].device.type
        # the probe skips a form with the name of the plain one
        form = Form(setting.label, setting.form.compiled, setting.form.captured, setting.form.tf32)
        candidates = Candidates(
            [form],
            lambda form: try_step(self.net, RECIPE, forward, self.batch, form, half),
            lambda form: self.plain(form.tf32, half),
            lambda: self.plain(False, None),
            LONG_TRAINING,
            device,
        )
        return choose(candidates, None).tried[-1]

    def prepare(self, setting: Setting) -> None:
        """Takes the plain steps that a comparison needs; each is cached for all settings."""
        self.plain(False, None)
        self.plain(False, setting.half)
        self.plain(setting.form.tf32, setting.half)

    def _plain(self, in_tf32: bool, half: torch.dtype | None) -> Trial:
        return try_step(self.net, RECIPE, OwnForward(), self.batch, Form("plain", tf32=in_tf32), half)


def forward_of(net: nn.Module, form: Form, size: int) -> Forward:
    """The form's ``Forward``, as train.py builds it; frees the compiled code of earlier forms."""
    if not form.compiled:
        return OwnForward()
    forget_compiled()
    template = copy.deepcopy(net)
    return SharedForward(template, fast_training(template), size)


def lane(
    setting: Setting, images: PaddedImages, size: int, forward: Forward, seed: int, captured: bool
) -> Lane:
    """A network that is ready to train on batches of its own."""
    net = network(setting.row).to(images.y.device)
    batches = PlannedBatches(images, size, augment=Augmentation(), seed=seed)
    prepared = Lane(net, RECIPE, batches, forward, setting.half, captured=captured)
    prepared.prepare()
    return prepared


def speed(lanes: Sequence[Lane], seconds: float) -> Speed:
    """Measured over steps that take about ``seconds`` in all, at most an epoch."""
    begin(lanes)
    sizes = lanes[0].batches.sizes
    run(lanes, sizes[:1])
    host, burst = run(lanes, sizes[1 : 1 + BURST])
    timed = sizes[1 + BURST :][: max(BURST, int(BURST * seconds / burst))]
    return Speed(run(lanes, timed)[1] / len(timed), host / BURST)


def begin(lanes: Sequence[Lane]) -> None:
    for each in lanes:
        each.begin(0, [RECIPE.lr] * len(each.batches.sizes))


def run(lanes: Sequence[Lane], sizes: Sequence[int]) -> tuple[float, float]:
    """Seconds until these steps of all lanes are launched, and until they are done."""
    finish(lanes[0].device)
    start = time.perf_counter()
    for size in sizes:
        for each in lanes:
            each.advance(size)
    launched = time.perf_counter() - start
    finish(lanes[0].device)
    return launched, time.perf_counter() - start
