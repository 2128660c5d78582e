import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.autograd import grad, gradcheck

from bregman_exp.geometry import project_l2, project_linf, project_simplex


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


def nearest_on_simplex(v):
    n = len(v)
    found = minimize(
        lambda w: ((w - v) ** 2).sum() / 2,
        np.full(n, 1 / n),
        jac=lambda w: w - v,
        bounds=[(0, None)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(n)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return found.x


def test_simplex_against_an_optimizer(draw):
    for v in 0.7 * draw(6, 5):
        np.testing.assert_allclose(project_simplex(v).numpy(), nearest_on_simplex(v.numpy()), atol=1e-6)


@pytest.mark.parametrize(
    ("v", "w"),
    [
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
        ([2.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        ([1.0, 1.0], [0.5, 0.5]),
        ([0.5, 0.5, -3.0], [0.5, 0.5, 0.0]),
        ([0.9, 0.5], [0.7, 0.3]),
        ([-7.0], [1.0]),
    ],
)
def test_simplex_closed_forms(v, w):
    assert project_simplex(torch.tensor(v, dtype=torch.float64)).tolist() == pytest.approx(w, abs=1e-15)


def test_simplex_rows(draw):
    rows = project_simplex(3 * draw(4, 7, 9))
    assert (rows >= 0).all()
    assert (rows == 0).any()
    torch.testing.assert_close(rows.sum(-1), torch.ones(4, 7, dtype=torch.float64))
    torch.testing.assert_close(project_simplex(rows), rows, rtol=0, atol=1e-15)


def test_simplex_is_the_nearest_point(draw):
    v = draw(50, 4)
    others = torch.softmax(3 * draw(200, 1, 4), -1)
    nearest = (project_simplex(v) - v).norm(dim=-1)
    assert (nearest <= (others - v).norm(dim=-1)).all()


def test_simplex_gradient(draw):
    assert gradcheck(project_simplex, draw(3, 5).requires_grad_())


def test_simplex_ignores_a_large_shift_in_float32():
    v = torch.tensor([[0.625, 0.5, 0.5, -3.0]])
    torch.testing.assert_close(project_simplex(v + 2**20), project_simplex(v), rtol=0, atol=1e-6)


def test_simplex_in_half_precision_is_the_rounded_float32_result(draw):
    v = draw(2, 6).bfloat16()
    assert torch.equal(project_simplex(v), project_simplex(v.float()).bfloat16())


def test_linf_closed_form(draw):
    x, center = 2 * draw(6, 3, 4), draw(6, 3, 4)
    nearest = center + (x - center).clamp(-0.5, 0.5)
    projected = project_linf(x, center, 0.5)
    torch.testing.assert_close(projected, nearest)
    assert torch.equal(project_linf(projected, center, 0.5), projected)
    inside = (x - center).abs() < 0.5
    assert inside.any()
    assert torch.equal(projected[inside], x[inside])


def test_l2_closed_form(draw):
    x, center = draw(8, 3, 4), draw(8, 3, 4)
    x[0] = center[0] + 1e-3
    projected = project_l2(x, center, 0.7)
    for point, start, middle in zip(projected, x, center, strict=True):
        offset = start - middle
        torch.testing.assert_close(point, middle + offset * min(1.0, 0.7 / offset.norm().item()))
    assert torch.equal(projected[0], x[0])
    torch.testing.assert_close(project_l2(projected, center, 0.7), projected, rtol=0, atol=1e-15)


def test_l2_is_per_sample_for_vectors_and_scalars():
    x = torch.tensor([3.0, -0.5, 0.0])
    assert project_l2(x, torch.zeros(3), 1.0).tolist() == [1.0, -0.5, 0.0]
    assert project_l2(x[None], torch.zeros(1, 3), 1.0).norm().item() == pytest.approx(1.0)
    assert project_l2(torch.zeros(0, 3, 2), torch.zeros(0, 3, 2), 1.0).shape == (0, 3, 2)


@pytest.mark.parametrize("project", [project_linf, project_l2])
def test_ball_gradients(project, draw):
    x, center = draw(4, 3).requires_grad_(), draw(4, 3).requires_grad_()
    assert gradcheck(lambda a, b: project(a, b, 0.8), (x, center))


@pytest.mark.parametrize("project", [project_linf, project_l2])
@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_no_nan_at_or_near_a_zero_offset(project, eps):
    center = torch.zeros(3, 2)
    x = torch.tensor([[0.0, 0.0], [1e-30, 0.0], [5.0, 0.0]], requires_grad=True)
    projected = project(x, center, eps)
    (slope,) = grad(projected.sum(), x)
    assert slope.isfinite().all()
    assert projected.abs().amax(-1).tolist() == pytest.approx([0.0, min(1e-30, eps), eps])


@pytest.mark.parametrize("project", [project_linf, project_l2])
@pytest.mark.parametrize("eps", [-1e-9, float("nan")])
def test_a_ball_needs_a_radius(project, eps):
    with pytest.raises(ValueError, match=r"eps=.* must be a number ≥ 0"):
        project(torch.zeros(1, 2), torch.zeros(1, 2), eps)
