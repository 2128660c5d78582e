import torch

from bregman_exp.geometry.branch import not_above


def test_value_and_slope():
    x = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    bounded = not_above(x, 0.5)
    (slope,) = torch.autograd.grad(bounded.sum(), x)
    assert bounded.dtype == torch.float64
    assert bounded.tolist() == [-1.0, 0.5, 0.5]
    assert slope.tolist() == [1.0, 1.0, 0.0]
