"""An evaluation leaves no trace, and nothing around it changes its result."""

import copy
import random
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bregman_exp.robustness import AttackSpec, Evaluation, evaluate

from .reference import labelled, named, tiny_conv, tiny_mlp

SUITE = [
    AttackSpec.of("pgd", "linf", 0.03, steps=3),
    AttackSpec.of("fgm", "l2", 0.1),
    AttackSpec.of("torchattacks", "linf", 0.03, cls="PGD", parameters={"steps": 3}),
    AttackSpec.of("torchattacks", "l2", 0.1, cls="DeepFool", parameters={"steps": 3}),
    AttackSpec.of("torchattacks", "linf", 0.03, cls="FAB", parameters={"steps": 2, "n_classes": 3}),
    AttackSpec.of("torchattacks", "linf", 0.03, cls="Square", parameters={"n_queries": 5}),
]


def lived_in() -> nn.Module:
    """A model in the middle of training: mixed modes, a frozen layer, gradients here and there."""
    model = nn.Sequential(tiny_conv(), nn.Dropout(0.5), nn.BatchNorm1d(3))
    model.train()
    model[0][1].eval()
    model[0][0].requires_grad_(False)
    model[0][4].weight.grad = torch.ones_like(model[0][4].weight)
    return model


def trace_of(model: nn.Module) -> dict[str, Any]:
    """Everything that an evaluation must leave as it was, in a form that compares."""
    numpy_state = np.random.get_state()
    return {
        "modes": {name: module.training for name, module in model.named_modules()},
        "state": {name: (t.dtype, t.tolist()) for name, t in model.state_dict().items()},
        "required": {name: p.requires_grad for name, p in model.named_parameters()},
        "gradients": {
            name: None if p.grad is None else (id(p.grad), p.grad.tolist())
            for name, p in model.named_parameters()
        },
        "torch": torch.get_rng_state().tolist(),
        "numpy": (numpy_state[1].tolist(), numpy_state[2]),
        "python": random.getstate(),
        "default": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")),
        "precision": precisions(),
    }


def precisions() -> list[str]:
    """What torch says of its float32, by the older switches and the newer ones."""
    backends = torch.backends
    readers = {
        "matmul": torch.get_float32_matmul_precision,
        "tf32": lambda: backends.cuda.matmul.allow_tf32,
        "convolutions": lambda: backends.cudnn.allow_tf32,
        "new matmul": lambda: backends.cuda.matmul.fp32_precision,
        "new conv": lambda: backends.cudnn.conv.fp32_precision,
        "new rnn": lambda: backends.cudnn.rnn.fp32_precision,
        "cpu matmul": lambda: backends.mkldnn.matmul.fp32_precision,
        "cpu conv": lambda: backends.mkldnn.conv.fp32_precision,
    }
    said = []
    for name, read in readers.items():
        try:
            said.append(f"{name}: {read()}")
        except RuntimeError:  # torch does not read an older switch where a newer one is set
            said.append(f"{name}: unreadable")
    return said


@pytest.fixture
def _precision_kept() -> Iterator[None]:
    backends = torch.backends
    newer = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, backends.mkldnn.matmul)
    before, kept = precisions(), [switch.fp32_precision for switch in newer]
    yield
    torch.set_float32_matmul_precision("highest")
    backends.cudnn.allow_tf32 = True
    for switch, precision in zip(newer, kept, strict=True):
        switch.fp32_precision = precision
    assert precisions() == before


def assert_same(a: Evaluation, b: Evaluation) -> None:
    assert torch.equal(a.predictions, b.predictions)
    assert {check.status for check in named(a.checks, "points-in-threat")} == {"passed"}
    assert [check.to_json() for check in a.checks] == [check.to_json() for check in b.checks]
    for one, other in zip(a.robust, b.robust, strict=True):
        assert torch.equal(one.survivors, other.survivors), one.id


@pytest.mark.parametrize("spec", SUITE, ids=lambda spec: spec.id)
def test_model_and_program_are_as_before(spec: AttackSpec) -> None:
    model = lived_in()
    x, y = torch.rand(8, 3, 6, 6), torch.arange(8) % 3
    before = trace_of(model)
    evaluation = evaluate(model, x, y, [spec])
    assert evaluation.clean.correct > 0  # somebody was attacked
    assert trace_of(model) == before


@pytest.mark.parametrize("spec", SUITE[:4], ids=lambda spec: spec.id)
@pytest.mark.parametrize("call", [0, 1, 2])
def test_model_and_program_are_as_before_an_exception(call: int, spec: AttackSpec) -> None:
    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls = lived_in(), 0

        def forward(self, x: Tensor) -> Tensor:
            assert not any(module.training for module in self.modules())
            torch.rand(1), np.random.rand(), random.random()
            self.calls += 1
            if self.calls > call:
                raise MemoryError("no more")
            return self.inner(x)

    model = Failing()
    x, y = torch.rand(8, 3, 6, 6), torch.arange(8) % 3
    before = trace_of(model)
    with pytest.raises(MemoryError, match="no more"):
        evaluate(model, x, y, [spec])
    assert trace_of(model) == before


def test_the_model_is_in_eval_mode_and_its_parameters_take_no_gradient() -> None:
    modes, required = set(), set()

    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = lived_in()

        def forward(self, x: Tensor) -> Tensor:
            modes.update(module.training for module in self.modules())
            required.update(p.requires_grad for p in self.parameters())
            return self.inner(x)

    evaluate(Looking(), torch.rand(8, 3, 6, 6), torch.arange(8) % 3, SUITE[:4])
    assert modes == {False}
    assert required == {False}


@pytest.mark.parametrize(
    "around",
    [
        nullcontext,
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    ],
    ids=["nothing", "no_grad", "inference_mode", "autocast"],
)
@pytest.mark.parametrize("half", [False, True])
def test_the_context_changes_nothing(half: bool, around: Any) -> None:
    dtypes = set()

    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = tiny_conv()

        def forward(self, x: Tensor) -> Tensor:
            logits = self.inner(x)
            dtypes.add(logits.dtype)
            return logits

    model = Looking()
    x, y = labelled(model, 12, 3, 6, 6)
    model = model.bfloat16() if half else model
    expected = evaluate(model, x, y, SUITE)
    dtypes.clear()
    with around():
        found = evaluate(model, x.clone(), y.clone(), SUITE)  # made inside, as Lightning's batches are
    assert_same(found, expected)
    assert dtypes == {torch.float32}
    assert 0 < expected.robust[0].survivors.sum() < 12


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_model_is_evaluated_in_float32_and_not_altered(dtype: torch.dtype) -> None:
    model = tiny_conv().to(dtype).train()
    x, _ = labelled(tiny_conv(), 12, 3, 6, 6)
    full = copy.deepcopy(model).float()
    y = full.eval()(x).argmax(1)
    before = trace_of(model)
    found = evaluate(model, x.to(dtype).clamp(0, 1), y, SUITE)
    assert trace_of(model) == before
    assert next(model.parameters()).dtype == dtype
    assert_same(found, evaluate(full, x.to(dtype).clamp(0, 1).float(), y, SUITE))


def test_half_precision_inputs_stay_in_the_ball_of_a_model_without_parameters() -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    x = torch.rand(20, 2).bfloat16()
    evaluation = evaluate(Plain(), x, x.float().argmax(1), [AttackSpec.of("pgd", "linf", 0.5 / 255)])
    assert named(evaluation.checks, "points-in-threat")[0].status == "passed"


def test_a_float64_model_is_evaluated_in_float64() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 30, 2)
    specs = [
        AttackSpec.of("pgd", "linf", 0.05, steps=5),
        AttackSpec.of("torchattacks", "linf", 0.05, cls="PGD"),
    ]
    seen = set()
    model.double().register_forward_pre_hook(lambda module, inputs: seen.add(inputs[0].dtype))
    evaluation = evaluate(model, x, y, specs)
    assert seen == {torch.float64}
    assert [check.status for check in named(evaluation.checks, "points-in-threat")] == ["passed"] * 2


def set_older(matmul: str) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = True


def set_newer() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"


@pytest.mark.parametrize(
    "setting",
    [lambda: None, lambda: set_older("high"), lambda: set_older("medium"), set_newer],
    ids=["default", "high", "medium", "newer"],
)
@pytest.mark.usefixtures("_precision_kept")
def test_tf32_is_off_within_and_as_before_after(setting: Any) -> None:
    model = tiny_mlp()
    x, y = labelled(model, 5, 2)
    within = set()
    model.register_forward_pre_hook(lambda module, inputs: within.update(precisions()))
    setting()
    before = precisions()
    evaluate(model, x, y, SUITE[:1])
    assert precisions() == before
    assert {"new matmul: ieee", "new conv: ieee", "new rnn: ieee"} <= within
    assert {"cpu matmul: ieee", "cpu conv: ieee", "matmul: highest"} <= within
    if setting is not set_newer:
        assert {"tf32: False", "convolutions: False"} <= within  # readable, as torch.compile reads them
