import math

import pytest
import torch

from bregman_exp.geometry import LegendreMap, legendre_map


def test_relu():
    relu = legendre_map("relu")
    assert relu.act(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 3.0]
    assert relu.zero == 0.0


def test_gelu():
    gelu = legendre_map("gelu")
    u = [-2.0, 0.0, 0.7]
    exact = [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in u]
    assert gelu.act(torch.tensor(u, dtype=torch.float64)).tolist() == pytest.approx(exact, rel=1e-12)


def test_the_reasons_are_true():
    u = torch.linspace(-4, 4, 81)
    relu, gelu = legendre_map("relu").act(u).diff(), legendre_map("gelu").act(u).diff()
    assert (relu >= 0).all()
    assert (relu == 0).any()
    assert (gelu < 0).any()
    assert (gelu > 0).any()


@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_they_are_no_legendre_maps(name):
    assert not isinstance(legendre_map(name), LegendreMap)
