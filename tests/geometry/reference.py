"""Comparison of a map with its formulas in many digits."""

import mpmath
import torch

U = [-1e4, -100.0, -20.0, -3.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 2.0, 50.0, 1e4]


def agree(function, formula, points, rel=1e-12, absolute=2e-15):
    """function (torch, float64) equals formula (mpmath, 50 digits) at the points."""
    values = function(torch.tensor(points, dtype=torch.float64)).tolist()
    with mpmath.workdps(50):
        for point, value in zip(points, values, strict=True):
            exact = formula(mpmath.mpf(point))
            error = abs(mpmath.mpf(value) - exact)
            assert error <= rel * abs(exact) + absolute, (
                f"at {point}: {value} instead of {mpmath.nstr(exact, 17)}"
            )


def dual_average_agrees(legendre, act, inverse, u, weights, digits, rel=1e-5):
    """float32 `dual_average` equals ρ⁻¹(Σ wρ(u)) computed in so many digits."""
    row = torch.tensor([weights], dtype=torch.float32)
    value = legendre.dual_average(torch.tensor(u, dtype=torch.float32), row).item()
    with mpmath.workdps(digits):
        exact = inverse(sum(mpmath.mpf(w) * act(mpmath.mpf(x)) for w, x in zip(weights, u, strict=True)))
        assert abs(value - exact) <= rel * (1 + abs(exact)), f"{value} instead of {mpmath.nstr(exact, 12)}"
