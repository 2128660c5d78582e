"""The form is chosen by what is seen: forms that raise, differ, or are slow are passed over."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import bregman_exp as bx
from bregman_exp.data import Augmentation, PaddedImages, PlannedBatches, Split
from bregman_exp.training.form import EAGER, FORMS, Form
from bregman_exp.training.forward import OwnForward
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.probe import EXACT, Candidates, FormRefusedError, Trial, choose, try_step
from bregman_exp.training.side_by_side import Lane

GRADIENTS = [torch.tensor([3.0, 4.0]), torch.tensor([[0.01, 0.02]])]
PLAIN = Trial(2.0, GRADIENTS, seconds=0.010)
CAPTURED, CAPTURED_TF32, COMPILED_TF32, COMPILED = FORMS["cuda"][1:]


def broken() -> Trial:
    raise RuntimeError("no kernel image\nand much more")


def candidates(
    of_form: dict[Form, Trial | Callable[[], Trial]], steps: int = 100_000, coarse: Trial = PLAIN
) -> Candidates:
    def trial(form: Form) -> Trial:
        made = of_form[form]
        return made if isinstance(made, Trial) else made()

    def plain(form: Form) -> Trial:
        return coarse if form.tf32 else PLAIN

    return Candidates([EAGER, *of_form], trial, plain, lambda: PLAIN, steps, "cuda")


def faster(seconds: float, loss: float = 2.0, factor: float = 1.0, of: int = 0) -> Trial:
    """A trial whose gradient ``of`` is ``factor`` times what it ought to be."""
    gradients = [g * factor if place == of else g for place, g in enumerate(GRADIENTS)]
    return Trial(loss, gradients, seconds)


def test_the_fastest_that_holds_is_taken() -> None:
    choice = choose(candidates({CAPTURED: faster(0.003), COMPILED: faster(0.002)}), None)
    assert choice.form == COMPILED
    assert [(each.form, each.outcome) for each in choice.tried] == [
        ("eager", "slower"),
        ("captured", "slower"),
        ("compiled", "chosen"),
    ]
    assert choice.record["form"] == "compiled"
    assert choice.record["forms"][2]["milliseconds"] == pytest.approx(2)


def test_slower_forms_leave_the_plain_one() -> None:
    assert choose(candidates({CAPTURED: faster(0.02), COMPILED: faster(0.011)}), None).form == EAGER


def test_a_form_that_raises_is_passed_over_with_its_error() -> None:
    choice = choose(candidates({CAPTURED: faster(0.005), COMPILED: broken}), None)
    assert choice.form == CAPTURED
    assert choice.tried[2].outcome == "refused"
    assert choice.tried[2].reason == "it raises RuntimeError: no kernel image"
    assert "form compiled refused: it raises RuntimeError" in "\n".join(choice.sentences())


@pytest.mark.parametrize(
    "wrong",
    [
        faster(0.001, loss=2.0 * (1 + 2 * EXACT)),  # the value alone
        faster(0.001, loss=math.nan),
        faster(0.001, factor=1 + 2 * EXACT),  # the gradient alone
        faster(0.001, factor=0.0, of=1),  # a small parameter's gradient is lost
        faster(0.001, factor=math.nan, of=1),
    ],
)
def test_a_form_that_differs_is_passed_over(wrong: Trial) -> None:
    choice = choose(candidates({CAPTURED: faster(0.005), COMPILED: wrong}), None)
    assert choice.form == CAPTURED
    assert choice.tried[2].outcome == "refused"
    assert "differs by" in choice.tried[2].reason


def test_rounding_is_allowed() -> None:
    close = faster(0.001, loss=2.0 * (1 + EXACT / 2), factor=1 + EXACT / 2)
    assert choose(candidates({CAPTURED: close}), None).form == CAPTURED


def test_a_coarser_precision_may_differ_by_twice_what_the_plain_step_in_it_does() -> None:
    coarse = faster(0.009, factor=1.02)
    within, beyond = faster(0.004, factor=1.038), faster(0.003, factor=1.042)
    choice = choose(candidates({CAPTURED_TF32: within, COMPILED_TF32: beyond}, coarse=coarse), None)
    assert choice.form == CAPTURED_TF32
    assert choice.tried[2].outcome == "refused"
    exact_form = choose(candidates({CAPTURED: within, COMPILED_TF32: within}, coarse=coarse), None)
    assert exact_form.form == COMPILED_TF32  # what is allowed there is not allowed in float32


@pytest.mark.parametrize("noise", [0.9, 3.0, math.nan])
def test_a_lost_gradient_does_not_pass_for_noise(noise: float) -> None:
    """However coarse the plain step in that precision is at some parameter."""
    coarse = faster(0.009, factor=1 + noise, of=1)
    gone = Trial(2.0, [torch.zeros_like(g) for g in GRADIENTS], 0.001)
    assert choose(candidates({CAPTURED_TF32: gone}, coarse=coarse), None).form == EAGER
    first_gone = faster(0.001, factor=0.0)  # where the plain step has no noise
    assert choose(candidates({CAPTURED_TF32: first_gone}, coarse=coarse), None).form == EAGER


def test_after_a_capture_that_raised_no_other_is_tried() -> None:
    choice = choose(candidates({CAPTURED: broken, CAPTURED_TF32: broken, COMPILED: broken}), None)
    assert choice.form == EAGER
    assert [each.outcome for each in choice.tried] == ["chosen", "refused", "skipped", "skipped"]


def test_compiling_is_not_tried_where_it_cannot_pay() -> None:
    choice = choose(candidates({CAPTURED: faster(0.005), COMPILED: broken}, steps=1000), None)
    assert choice.form == CAPTURED
    assert choice.tried[2].outcome == "skipped"


def test_what_is_asked_for_is_taken_though_slower_and_alone_tried() -> None:
    choice = choose(candidates({CAPTURED: broken, COMPILED: faster(0.02)}, steps=10), "compiled")
    assert choice.form == COMPILED
    assert [(each.form, each.outcome) for each in choice.tried] == [
        ("eager", "not asked for"),
        ("compiled", "chosen"),
    ]


def test_what_is_asked_for_and_does_not_hold_is_an_error() -> None:
    with pytest.raises(
        FormRefusedError, match=r"^the form compiled: its gradient .* use trainer\.fast=false\.$"
    ):
        choose(candidates({COMPILED: faster(0.001, factor=0)}), "compiled")


# ---- a trial of a real network ----------------------------------------------------------------------------


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


def batch() -> tuple[Tensor, Tensor]:
    return torch.rand(8, 4, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_trial_gives_loss_and_gradients_and_leaves_the_network_as_it_was(optimizer: str) -> None:
    net, (x, y) = network(), batch()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optim = Optim(optimizer=optimizer, weight_decay=0.1)
    trials = [try_step(net, optim, OwnForward(), (x, y), form, None) for form in (EAGER, FORMS["cpu"][2])]
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in net.parameters())
    loss = F.cross_entropy(net.train()(x), y)
    wanted = torch.autograd.grad(loss, list(net.parameters()))
    for trial in trials:
        assert trial.loss == pytest.approx(loss.item(), rel=1e-6)
        assert all(torch.equal(a, b) for a, b in zip(trial.gradients, wanted, strict=True))
        assert trial.seconds > 0


class ReadsNothing(TorchDispatchMode):
    """Refuses what makes the host wait for the device, which no graph can hold."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default), func
        return func(*args, **(kwargs or {}))


class StillOptimizer(torch.optim.SGD):
    """An optimizer whose step reads nothing: a CPU's reads the learning rate."""

    def step(self, closure=None) -> None:
        pass


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_a_step_reads_nothing_from_the_device(monkeypatch, half: torch.dtype | None) -> None:
    split = Split(torch.zeros(9, 3, 8, 8, dtype=torch.uint8), torch.arange(9) % 2, torch.arange(9))
    batches = PlannedBatches(PaddedImages(split, torch.device("cpu")), 4, augment=Augmentation(), seed=0)
    monkeypatch.setattr(Optim, "build_optimizer", lambda self, p, captured=False: StillOptimizer(p, lr=0.1))
    net = bx.resnet(20, act="softplus", version="bregman", num_classes=2)
    lane = Lane(net, Optim(), batches, OwnForward(), half)
    lane.prepare()
    lane.begin(0, [0.1] * 3)
    with ReadsNothing():
        for size in batches.sizes:
            lane.advance(size)
    loss, accuracy = lane.read()
    assert loss > 0
    assert 0 <= accuracy <= 1


class LosesGradient(torch.autograd.Function):
    """The identity, whose gradient is nothing: what torch 2.11's compiler made of a softplus."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return torch.zeros_like(grad)


def test_a_form_with_the_right_loss_and_no_gradient_is_refused() -> None:
    net, data = network(), batch()

    def trial(form: Form) -> Trial:
        wrong = OwnForward(lambda x: net[3](net[2](LosesGradient.apply(net[1](net[0](x))))))
        return replace(try_step(net, Optim(), wrong, data, form, None), seconds=0.0)

    plain = try_step(net, Optim(), OwnForward(), data, EAGER, None)
    form = FORMS["cpu"][1]
    seen = Candidates([EAGER, form], trial, lambda _: plain, lambda: plain, 10**9, "cpu")
    choice = choose(seen, None)
    assert choice.form == EAGER
    assert choice.tried[1].loss_difference == 0
    assert choice.tried[1].gradient_difference > 0.5


def test_a_form_is_not_compiled_again_to_be_slower_than_in_tf32() -> None:
    choice = choose(candidates({COMPILED_TF32: faster(0.002), COMPILED: broken}), None)
    assert choice.form == COMPILED_TF32
    assert choice.tried[2].outcome == "skipped"
    wrong = faster(0.001, factor=0)
    assert choose(candidates({COMPILED_TF32: wrong, COMPILED: faster(0.003)}), None).form == COMPILED
