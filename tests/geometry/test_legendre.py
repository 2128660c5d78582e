"""What every Legendre map promises; a new one is tested by being registered."""

import math

import pytest
import torch
from torch.autograd import grad, gradcheck

from bregman_exp.geometry import ACTIVATIONS, legendre_map

EXTREME = [-1e30, -1e10, -1e4, -100.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 100.0, 1e4, 1e10, 1e30]
LOW_PRECISION = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])


def value_and_slope(function, points):
    points = points.clone().requires_grad_()
    value = function(points)
    return value, grad(value.sum(), points)[0]


def test_round_trip_from_the_dual_space(legendre, dual_points):
    torch.testing.assert_close(
        legendre.inverse(legendre.act(dual_points)), dual_points, rtol=1e-11, atol=1e-14
    )


def test_round_trip_from_the_primal_space(legendre):
    lo, hi = legendre.input_interval
    z = torch.linspace(lo, hi, 41, dtype=torch.float64)
    torch.testing.assert_close(legendre.act(legendre.inverse(z)), z, rtol=1e-12, atol=1e-13)


def test_strictly_increasing(legendre, dual_points):
    assert (legendre.act(dual_points).diff() > 0).all()
    assert (legendre.inverse(legendre.act(dual_points)).diff() > 0).all()


@LOW_PRECISION
def test_increasing_and_within_the_range_over_the_whole_line(legendre, dtype):
    z = legendre.act(torch.tensor(EXTREME, dtype=dtype))
    ends = torch.tensor(legendre.range, dtype=dtype)
    assert (z.diff() >= 0).all()
    assert (z >= ends[0]).all()
    assert (z <= ends[1]).all()


@pytest.mark.parametrize("function", ["act", "inverse"])
@LOW_PRECISION
def test_finite_over_the_whole_line(legendre, function, dtype):
    value, slope = value_and_slope(getattr(legendre, function), torch.tensor(EXTREME, dtype=dtype))
    assert value.dtype == slope.dtype == dtype
    assert value.isfinite().all()
    assert slope.isfinite().all()


@LOW_PRECISION
def test_finite_at_the_ends_of_the_range(legendre, dtype):
    ends = [end for end in legendre.range if math.isfinite(end)]
    z = torch.tensor([shifted for end in ends for shifted in (end - 1, end, end + 1)], dtype=dtype)
    for function in (legendre.inverse, legendre.potential):
        value, slope = value_and_slope(function, z)
        assert value.isfinite().all()
        assert slope.isfinite().all()


def test_edge_lies_inside_the_range(legendre):
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        edge = torch.tensor(legendre.edge(dtype), dtype=torch.float64)
        ends = torch.tensor(legendre.range, dtype=torch.float64)
        finite = ends.isfinite()
        assert ((edge - ends)[finite] * torch.tensor([1.0, -1.0])[finite] > 0).all()


def test_bfloat16_is_computed_in_float32(legendre, dual_points):
    u = dual_points.bfloat16()
    for function in (legendre.act, legendre.conjugate):
        assert torch.equal(function(u), function(u.float()).bfloat16())


@pytest.mark.parametrize("function", ["act", "conjugate"])
def test_gradcheck_on_the_dual_space(legendre, dual_points, function):
    assert gradcheck(getattr(legendre, function), dual_points.requires_grad_())


@pytest.mark.parametrize("function", ["inverse", "potential"])
def test_gradcheck_on_the_primal_space(legendre, dual_points, function):
    z = legendre.act(dual_points).detach().requires_grad_()
    assert gradcheck(getattr(legendre, function), z, eps=1e-8, rtol=1e-4, atol=1e-6)


def test_slope_of_the_conjugate_is_the_map(legendre, dual_points):
    slope = value_and_slope(legendre.conjugate, dual_points)[1]
    torch.testing.assert_close(slope, legendre.act(dual_points), rtol=1e-11, atol=1e-15)


def test_slope_of_the_potential_is_the_inverse(legendre, dual_points):
    z = legendre.act(dual_points)
    slope = value_and_slope(legendre.potential, z)[1]
    torch.testing.assert_close(slope, legendre.inverse(z), rtol=1e-11, atol=1e-15)


def test_slope_of_the_conjugate_at_zero_is_the_map_at_zero(legendre):
    slope = value_and_slope(legendre.conjugate, torch.zeros(1, dtype=torch.float64))[1]
    assert slope.item() == pytest.approx(legendre.zero, rel=1e-14, abs=1e-15)


def test_slopes_at_zero_are_inverse_to_each_other(legendre):
    u = torch.zeros(1, dtype=torch.float64)
    z, slope = value_and_slope(legendre.act, u)
    rise = value_and_slope(legendre.inverse, z.detach())[1]
    assert slope.item() * rise.item() == pytest.approx(1.0, rel=1e-12)
    averaged, through = value_and_slope(
        lambda x: legendre.dual_average(x, torch.ones(1, 1, dtype=x.dtype)), u
    )
    assert averaged.item() == pytest.approx(0.0, abs=1e-15)
    assert through.item() == pytest.approx(1.0, rel=1e-12)


def test_fenchel_equality(legendre, dual_points):
    z = legendre.act(dual_points)
    gap = legendre.potential(z) + legendre.conjugate(dual_points) - z * dual_points
    assert gap.abs().max() < 4e-15 / getattr(legendre, "beta", 1.0) ** 2


def test_fenchel_inequality(legendre, dual_points):
    z = legendre.act(dual_points.flip(0) + 1e-4)
    gap = legendre.potential(z) + legendre.conjugate(dual_points) - z * dual_points
    assert (gap > 0).all()


def test_zero_is_the_value_at_zero(legendre):
    assert legendre.zero == legendre.act(torch.zeros(1, dtype=torch.float64)).item()
    assert isinstance(legendre.zero, float)


def test_input_interval_lies_inside_the_range(legendre):
    (lo, hi), (start, end) = legendre.range, legendre.input_interval
    assert lo < start < end < hi


@pytest.mark.parametrize(
    ("name", "interval"),
    [
        ("atan", (-1.57, 1.57)),
        ("identity", (-1.57, 1.57)),
        ("relu", (-1.57, 1.57)),
        ("tanh", (-0.999, 0.999)),
        ("sigmoid", (0.001, 0.999)),
        ("softplus", (0.1, 3.24)),
        ("elu", (-0.9, 2.24)),
    ],
)
def test_input_interval_by_kind(name, interval):
    assert legendre_map(name).input_interval == pytest.approx(interval, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "clamp", "lo", "hi"),
    [
        ("atan", 2e-5, -5e4, 5e4),
        ("tanh", 2e-5, -5.8, 5.8),
        ("sigmoid", 2e-5, -10.8, 10.8),
        ("softplus", 2e-5, -0.0039, math.inf),
        ("elu", 1e-5, math.log(1e-5), math.inf),
        ("asinh", 1e-5, -math.inf, math.inf),
        ("sin", 0.5, -math.pi / 6, math.pi / 6),
        ("sin", None, -math.pi / 2, math.pi / 2),
        ("atan", None, -math.inf, math.inf),
        ("softplus", None, -math.inf, math.inf),
    ],
)
def test_dual_bounds_of_the_design(name, clamp, lo, hi):
    bounds = legendre_map(name).dual_bounds(clamp)
    assert bounds == pytest.approx((lo, hi), rel=0.01)
    assert all(isinstance(bound, float) for bound in bounds)


def test_dual_bounds_are_the_clamped_ends(legendre):
    ends = torch.tensor(legendre.range, dtype=torch.float64) + torch.tensor(
        [1e-3, -1e-3], dtype=torch.float64
    )
    finite = ends.isfinite()
    bounds = torch.tensor(legendre.dual_bounds(1e-3), dtype=torch.float64)
    torch.testing.assert_close(legendre.act(bounds)[finite], ends[finite], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("clamp", [0.0, -1e-5, 1.0, math.nan])
def test_dual_bounds_refuse_a_clamp_that_does_not_fit(clamp):
    with pytest.raises(ValueError, match=r"clamp=.* does not fit tanh: it must be above 0 and below 1"):
        legendre_map("tanh").dual_bounds(clamp)


def test_dual_average_is_the_inverse_of_the_mixture(legendre, dual_points, simplex_rows):
    batch = torch.stack([dual_points, dual_points.flip(0)])
    plain = legendre.inverse(legendre.act(batch) @ simplex_rows.T)
    averaged = legendre.dual_average(batch, simplex_rows)
    assert averaged.shape == (2, 3)
    torch.testing.assert_close(averaged, plain, rtol=1e-11, atol=1e-14)


def test_gradcheck_of_dual_average(legendre, dual_points, simplex_rows):
    u = dual_points[:6].clone().requires_grad_()
    rows = (simplex_rows[:, :6] / simplex_rows[:, :6].sum(-1, keepdim=True)).requires_grad_()
    assert gradcheck(legendre.dual_average, (u, rows), rtol=1e-3, atol=1e-6)


SATURATED = [
    [1e4] * 4,
    [-1e4] * 4,
    [9e3, 1e4, 8e3, 1e4],
    [-1e4, -9e3, -8e3, -1e4],
    [1e4, -1e4, 0, 3],
    [30, 25, 20, 30],
]


def test_dual_average_is_accurate_for_saturated_float32(legendre):
    rows = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.5, 0.0, 0.5, 0.0]])
    u = torch.tensor(SATURATED)
    exact = legendre.dual_average(u.double(), rows.double())
    # The map `sin` holds z a machine epsilon inside, which is 5e-4 in the dual space.
    tolerance = 5e-4 if legendre.name == "sin" else 3e-5
    torch.testing.assert_close(legendre.dual_average(u, rows).double(), exact, rtol=tolerance, atol=tolerance)


@LOW_PRECISION
def test_dual_average_has_finite_gradients_for_saturated_input(legendre, dtype):
    u = torch.tensor(SATURATED, dtype=dtype, requires_grad=True)
    rows = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.5, 0.0, 0.5, 0.0]], requires_grad=True)
    averaged = legendre.dual_average(u, rows)
    assert averaged.dtype == dtype
    assert averaged.isfinite().all()
    assert all(slope.isfinite().all() for slope in grad(averaged.sum(), (u, rows)))


def test_dual_average_of_equal_values_is_the_value(legendre, dual_points):
    rows = torch.tensor([[0.25, 0.5, 0.25]], dtype=torch.float64)
    same = dual_points[:, None].expand(-1, 3)
    torch.testing.assert_close(legendre.dual_average(same, rows)[:, 0], dual_points, rtol=1e-11, atol=1e-14)


def test_torch_func_stacks_models(legendre):
    """A stack of models is one vmap over everything, with gradients, and without a fallback's warning."""
    u, rows = torch.rand(5, 2, 3), torch.softmax(torch.rand(5, 4, 3), -1)

    def layer(u, rows):
        return legendre.act(legendre.dual_average(u, rows)).sum()

    stacked = torch.func.vmap(torch.func.grad(layer, argnums=(0, 1)))(u, rows)
    single = torch.func.grad(layer, argnums=(0, 1))(u[2], rows[2])
    torch.testing.assert_close(tuple(slope[2] for slope in stacked), single)


def test_equality_follows_the_parameters():
    assert legendre_map("softplus", beta=10) == legendre_map("softplus", beta=10.0)
    assert legendre_map("softplus", beta=10) != legendre_map("softplus")
    assert legendre_map("tanh") != legendre_map("atan")
    assert len({legendre_map("softplus"), legendre_map("softplus", beta=1000), legendre_map("elu")}) == 2


@pytest.mark.parametrize(
    ("name", "parameters", "label", "slug"),
    [
        ("softplus", {}, "softplus", "softplus"),
        ("softplus", {"beta": 1000}, "softplus", "softplus"),
        ("softplus", {"beta": 10}, "softplus(beta=10)", "softplus-beta10"),
        ("elu", {"alpha": 0.25}, "elu(alpha=0.25)", "elu-alpha0.25"),
        (
            "scaled_tanh",
            {"scale": 2, "slope": 0.5},
            "scaled_tanh(scale=2, slope=0.5)",
            "scaled_tanh-scale2-slope0.5",
        ),
        ("relu", {}, "relu", "relu"),
    ],
)
def test_label_and_slug(name, parameters, label, slug):
    act = legendre_map(name, **parameters)
    assert (act.label, act.slug, repr(act)) == (label, slug, label)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("softplus", "beta"),
        ("elu", "alpha"),
        ("leaky_relu", "slope"),
        ("scaled_tanh", "scale"),
        ("scaled_tanh", "slope"),
    ],
)
@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, "10", True])
def test_parameters_must_be_positive_and_finite(name, parameter, value):
    with pytest.raises(
        ValueError, match=rf"^{name}: {parameter}=.* must be a finite number above 0; choose .*\.$"
    ):
        legendre_map(name, **{parameter: value})


def test_every_parameter_is_an_attribute():
    for name in ACTIVATIONS:
        assert all(isinstance(value, float) for value in legendre_map(name).parameters.values())
