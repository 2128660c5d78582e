import math

import pytest
import torch
from torch.autograd import grad, gradcheck

from bregman_exp.geometry.mixture import log_mixture, mixture

R = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [0.0, 0.0, 1.0]]


def test_log_mixture_is_the_log_of_the_mixture():
    rows = torch.tensor(R, dtype=torch.float64)
    logs = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_mixture(logs, rows), torch.log(logs.exp() @ rows.T))


def test_log_mixture_of_what_exp_cannot_hold():
    logs = torch.tensor([-1e4, -1e4 + math.log(3), 1e4])
    assert log_mixture(logs, torch.tensor(R)).tolist() == pytest.approx(
        [-1e4 + math.log(2), 1e4 + math.log(0.75), 1e4]
    )


def test_a_zero_weight_adds_nothing_and_has_its_true_slope():
    rows = torch.tensor(R, dtype=torch.float64, requires_grad=True)
    logs = torch.tensor([0.3, -0.2, 2.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(log_mixture, (logs, rows))
    (slope,) = grad(log_mixture(logs, rows)[0], rows)
    total = 0.5 * (math.exp(0.3) + math.exp(-0.2))
    assert slope[0, 2].item() == pytest.approx(math.exp(2.0) / total)


def test_slopes_are_finite_beside_a_huge_zero_weight():
    rows = torch.tensor(R, requires_grad=True)
    logs = torch.tensor([-1e4, -2e4, 1e4], requires_grad=True)
    assert all(slope.isfinite().all() for slope in grad(log_mixture(logs, rows).sum(), (logs, rows)))


def test_mixture_keeps_its_precision_under_autocast():
    z, rows = torch.rand(2, 3), torch.tensor(R)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = mixture(z, rows)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, z @ rows.T)
