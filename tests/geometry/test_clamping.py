import torch

from bregman_exp.geometry.clamping import clamp_for_square, not_above


def test_not_above_value_and_slope():
    x = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    bounded = not_above(x, 0.5)
    (slope,) = torch.autograd.grad(bounded.sum(), x)
    assert bounded.dtype == torch.float64
    assert bounded.tolist() == [-1.0, 0.5, 0.5]
    assert slope.tolist() == [1.0, 1.0, 0.0]


def test_clamp_for_square_changes_only_what_would_overflow():
    u = torch.tensor([-1e30, -1e4, 0.0, 1e9, 1e30])
    clamped = clamp_for_square(u)
    assert torch.equal(clamped[1:4], u[1:4])
    assert (clamped**4).isfinite().all()
