"""Every map, value and gradient: as it is and in the arithmetic of FusedForm, eager and compiled."""

import shutil
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bregman_exp.compiling import CPU_OPTIONS, forget_compiled
from bregman_exp.geometry import ACTIVATIONS, Activation, LegendreMap, legendre_map
from bregman_exp.geometry.as_released import AsReleased
from bregman_exp.geometry.fused import fused
from bregman_exp.models.fused import _functions
from bregman_exp.models.version import DualClamp, dual_clamp

Map = Callable[[Tensor], tuple[Tensor, ...]]
Result = tuple[tuple[Tensor, ...], Tensor]  # the outputs, and the gradient of their sum

NAMES = [name for name, kind in ACTIVATIONS.items() if not issubclass(kind, AsReleased)]
ACTS = [legendre_map(name) for name in NAMES]
# A value may be wrong by its own rounding, 6e-8 and 2e-3, and that of a step before it. A slope is computed
# from a rounded value, of which it may be the small difference from 1, so that more steps add up.
VALUE = {torch.float32: 1e-6, torch.bfloat16: 5e-3}  # of the value, or of 1/β where it is smaller
GRADIENT = {torch.float32: 1e-5, torch.bfloat16: 2e-2}  # of the largest
DTYPES = pytest.mark.parametrize("dtype", VALUE, ids=str)


def hold_of(act: Activation) -> DualClamp:
    return dual_clamp(act, "bregman" if isinstance(act, LegendreMap) else "standard", 2e-5)


def itself(act: Activation) -> Map:
    return lambda u: (act.act(u),)


def both(act: Activation) -> Map:
    hold = hold_of(act)
    return lambda u: (act.act(u), hold(u))


def cases() -> dict[str, tuple[Activation, Map, Map]]:
    """name -> (activation, what is tested, what it has to equal in float64)."""
    found: dict[str, tuple[Activation, Map, Map]] = {}
    for name, act in zip(NAMES, ACTS, strict=True):
        found[name] = (act, itself(act), itself(act))
        if fused(act) is not None:
            model: Any = SimpleNamespace(act=act, version="bregman", clamp_dual=hold_of(act))
            fast, split = _functions(model, gradients=True)
            found[f"fused {name}"] = (act, lambda u, fast=fast: (fast(u),), itself(act))
            found[f"fused {name} and clamp"] = (act, split, both(act))
    return found


def points(act: Activation, dtype: torch.dtype) -> Tensor:
    """Around 0 in units of 1 and of 1/β, and beyond every clamp; not 0 itself, the kink of some maps."""
    near = torch.linspace(-6, 6, 512, dtype=torch.float64)
    u = torch.cat([near, near / getattr(act, "beta", 1.0), torch.tensor([-1e5, 1e5])])
    return u.to(dtype)


def value_and_gradient(maps: Callable[..., Any], inputs: Sequence[Tensor]) -> list[Result]:
    """Of each map at its own input; ``maps``: list of inputs -> list of tuples of outputs."""
    inputs = [u.clone().requires_grad_() for u in inputs]
    outputs = maps(inputs)
    flat = [z for each in outputs for z in each]
    gradients = torch.autograd.grad(flat, inputs, [torch.ones_like(z) for z in flat])
    return list(zip(outputs, gradients, strict=True))


def errors(dtype: torch.dtype, transform: Callable[..., Any]) -> list[str]:
    """What is further from float64 than allowed, where ``transform`` gets all maps as one function."""
    every = cases()
    tested = [case[1] for case in every.values()]
    inputs = [points(case[0], dtype) for case in every.values()]
    together = transform(lambda us: [f(u) for f, u in zip(tested, us, strict=True)])
    results = value_and_gradient(together, inputs)
    return [
        f"{name}: {fault}"
        for (name, (act, _, exact)), u, result in zip(every.items(), inputs, results, strict=True)
        for fault in faults(act, u, exact, result)
    ]


def faults(act: Activation, u: Tensor, exact: Map, result: Result) -> list[str]:
    values, gradient = result
    ((wanted, slope),) = value_and_gradient(lambda us: [exact(us[0])], [u.double()])
    assert all(tensor.dtype == u.dtype for tensor in (*values, gradient))
    found = []
    for value, right in zip(values, wanted, strict=True):
        error = ((value - right) / right.abs().clamp(min=1 / getattr(act, "beta", 1.0))).abs().max()
        found += [f"value {error:.1e}"] if not error < VALUE[u.dtype] else []
    error = (gradient - slope).abs().max() / slope.abs().max()
    return found + ([f"gradient {error:.1e}"] if not error < GRADIENT[u.dtype] else [])


@DTYPES
def test_eager(dtype: torch.dtype) -> None:
    assert errors(dtype, lambda maps: maps) == []


# all maps in one graph: some 20 s of one core for each dtype where torch has not compiled it before
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
@DTYPES
def test_compiled(dtype: torch.dtype) -> None:
    how: dict[str, Any] = {"fullgraph": True, "dynamic": False, "options": CPU_OPTIONS}
    try:
        assert errors(dtype, lambda maps: torch.compile(maps, **how)) == []
    finally:
        forget_compiled()
