"""Every registered Legendre map, and some with parameters that are not the default, as one fixture."""

import pytest
import torch

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, as_legendre, legendre_map

VARIANTS = [
    ("softplus", {"beta": 1.0}),
    ("softplus", {"beta": 10.0}),
    ("elu", {"alpha": 0.5}),
    ("leaky_relu", {"slope": 0.3}),
    ("scaled_tanh", {"scale": 2.0, "slope": 0.5}),
]
MAPS = [
    *(as_legendre(legendre_map(name)) for name, kind in ACTIVATIONS.items() if issubclass(kind, LegendreMap)),
    *(as_legendre(legendre_map(name, **parameters)) for name, parameters in VARIANTS),
]


@pytest.fixture(params=MAPS, ids=lambda each: each.slug)
def legendre(request):
    return request.param


@pytest.fixture
def dual_points(legendre):
    """Increasing u in float64 where ρ is far from its ends and from its kinks; none is 0."""
    lo, hi = legendre.dual_bounds(None)
    points = torch.linspace(-2.3, 2.1, 12, dtype=torch.float64) / getattr(legendre, "beta", 1.0)
    return points * min(1.0, hi / 2.5, -lo / 2.5)


@pytest.fixture
def simplex_rows():
    """R (3, 12): rows on the simplex, one with exact zeros, one a vertex."""
    rows = torch.rand(3, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows[1, ::2] = 0
    rows[2, 1:] = 0
    return rows / rows.sum(-1, keepdim=True)
