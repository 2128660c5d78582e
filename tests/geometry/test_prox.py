import pytest
import torch
from scipy.optimize import minimize_scalar

from bregman_exp.geometry import soft_threshold


def test_closed_form():
    w = torch.tensor([-3.0, -0.5, 0.0, 0.25, 2.0])
    assert soft_threshold(w, 0.5).tolist() == [-2.5, 0.0, 0.0, 0.0, 1.5]
    assert torch.equal(soft_threshold(w, 0.0), w)


@pytest.mark.parametrize("w", [-2.0, -0.3, 0.1, 0.9])
def test_minimizes_its_objective(w):
    found = minimize_scalar(
        lambda v: 0.4 * abs(v) + (v - w) ** 2 / 2, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9}
    )
    assert soft_threshold(torch.tensor(w, dtype=torch.float64), 0.4).item() == pytest.approx(
        found.x, abs=1e-5
    )


def test_gradient():
    w = torch.tensor([-1.0, 0.1, 0.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: soft_threshold(x, 0.4), w)


@pytest.mark.parametrize("t", [-0.1, float("nan")])
def test_a_threshold_is_not_negative(t):
    with pytest.raises(ValueError, match=r"t=.* must be 0 or above"):
        soft_threshold(torch.zeros(1), t)
