import pytest
import torch
from torch.autograd import gradcheck

from bregman_exp.geometry import bregman_divergence, legendre_map


@pytest.fixture
def pairs(legendre, dual_points):
    z = legendre.act(dual_points)
    return z.reshape(3, 4), z.flip(0).reshape(3, 4)


def test_positive_between_different_points(legendre, pairs):
    divergence = bregman_divergence(legendre, *pairs)
    assert divergence.shape == (3,)
    assert (divergence > 0).all()


def test_zero_between_equal_points(legendre, pairs):
    assert (bregman_divergence(legendre, pairs[0], pairs[0]) == 0).all()


def test_never_negative_between_neighbours_in_float32(legendre):
    lo, hi = legendre.input_interval
    z = torch.linspace(lo, hi, 1000)[:, None]
    assert (bregman_divergence(legendre, z, z * (1 + 1e-6)) >= 0).all()


def test_dual_formula(legendre, pairs):
    z, other = pairs
    dual = legendre.inverse(other)
    plain = (legendre.potential(z) + legendre.conjugate(dual) - z * dual).sum(-1)
    torch.testing.assert_close(bregman_divergence(legendre, z, other), plain, rtol=1e-9, atol=1e-14)


def test_gradcheck(legendre, pairs):
    leaves = tuple(z.detach().requires_grad_() for z in pairs)
    assert gradcheck(lambda z, w: bregman_divergence(legendre, z, w), leaves, eps=1e-8, rtol=1e-4, atol=1e-6)


def test_identity_gives_half_the_squared_distance():
    z, other = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    divergence = bregman_divergence(legendre_map("identity"), z, other)
    torch.testing.assert_close(divergence, ((z - other) ** 2).sum(-1) / 2)


def test_sigmoid_gives_the_kullback_leibler_divergence():
    p, q = torch.rand(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.98 + 0.01
    exact = (p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))).sum(-1)
    torch.testing.assert_close(bregman_divergence(legendre_map("sigmoid"), p, q), exact)


def test_broadcasts_one_point_against_many():
    z, center = torch.rand(4, 3) * 0.9, torch.full((3,), 0.5)
    assert bregman_divergence(legendre_map("atan"), z, center).shape == (4,)
