from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bregman_exp.robustness import AttackSpec, robust_accuracy

from .reference import Function, Linear, Watched, found_by, labelled, linear_task, tiny_conv, tiny_mlp

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])


def size(change: Tensor, norm: str) -> Tensor:
    flat = change.double().flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def nearest(
    model: nn.Module, x: Tensor, y: Tensor, norm: str, steps: int = 50, **more
) -> tuple[Tensor, Tensor]:
    """The attack's points and distances, which hold what every result must."""
    model.eval().requires_grad_(False)
    result = found_by(AttackSpec.of("fmn", norm, 0.1, steps=steps), model, x, y, **more)
    points, distances = result.points, result.distances
    assert points.shape == x.shape
    assert points.dtype == x.dtype
    assert points.min() >= 0
    assert points.max() <= 1
    found = distances.isfinite()
    torch.testing.assert_close(distances[found], size(points.double() - x.double(), norm)[found])
    assert torch.equal(points[~found], x[~found])
    logits = model(points)
    assert torch.equal((logits.argmax(1) != y) | ~logits.isfinite().all(1), found)
    return points, distances


def distance_to(gradient: Tensor, needed: Tensor, x: Tensor, norm: str) -> Tensor:
    """min ‖δ‖ with gradient · δ ≥ needed and x + δ in the box, (N,): by bisection of the multiplier."""
    g, at = gradient.double().abs(), x.double().flatten(1)
    room = torch.where(gradient > 0, 1 - at, at)
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e4).double()
    for _ in range(100):
        middle = (low + high) / 2
        move = torch.minimum(middle.expand_as(g) if norm == "linf" else middle * g, room)
        enough = ((move * g).sum(1) >= needed)[:, None]
        low, high = middle.where(~enough, low), middle.where(enough, high)
    move = torch.minimum(high.expand_as(g) if norm == "linf" else high * g, room)
    return size(move, norm).where((move * g).sum(1) >= needed - 1e-9, torch.inf)


@pytest.mark.parametrize(("norm", "shape"), [("linf", (3, 4, 4)), ("l2", (8,))])
def test_the_distance_to_a_plane(shape: tuple[int, ...], norm: str) -> None:
    task = linear_task(shape, 0.45, 0.55, n=40)
    _, distances = nearest(task.model, task.x, task.y, norm)
    dual = task.towards_the_other.norm(p=1 if norm == "linf" else 2, dim=1)
    expected = (task.lead(task.x) / dual).clamp(min=0)
    assert (expected == 0).sum() == 4
    torch.testing.assert_close(distances, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("norm", "shape"), [("linf", (4,)), ("l2", (1, 3, 3))])
def test_the_distance_to_a_plane_where_the_box_is_in_the_way(shape: tuple[int, ...], norm: str) -> None:
    task = linear_task(shape, 0.0, 1.0, n=40)
    task.x[20:] = task.x[20:].round()  # some start in a corner
    points, distances = nearest(task.model, task.x, task.y, norm)
    expected = distance_to(task.towards_the_other, task.lead(task.x).clamp(min=0), task.x, norm)
    torch.testing.assert_close(distances, expected, rtol=5e-3, atol=1e-6)
    moved = (points != task.x).flatten(1).any(1)
    free = (task.lead(task.x) / task.towards_the_other.norm(p=1 if norm == "linf" else 2, dim=1)).clamp(min=0)
    assert (expected > 1.05 * free)[moved].float().mean() > 0.1


@NORMS
def test_the_nearest_of_ten_classes(norm: str) -> None:
    weight = torch.randn(10, 3 * 4 * 4)
    model = Linear(weight, -weight.sum(1) / 2)
    x = 0.4 + 0.2 * torch.rand(40, 3, 4, 4)
    y = model(x).argmax(1)
    _, distances = nearest(model, x, y, norm)
    lead = model(x).gather(1, y[:, None]) - model(x)
    dual = (weight[None] - weight[y][:, None]).norm(p=1 if norm == "linf" else 2, dim=2)
    expected = (lead / dual).detach().double().scatter(1, y[:, None], torch.inf).amin(1)
    torch.testing.assert_close(distances, expected, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize(("norm", "classes"), [("linf", 2), ("l2", 3)])
def test_against_all_points_of_a_grid(classes: int, norm: str) -> None:
    model = tiny_mlp(2, classes).eval()
    x, y = labelled(model, 40, 2)
    axis = torch.linspace(0, 1, 401)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        label = model(grid).argmax(1)
    assert label.bincount().count_nonzero() == classes
    expected = torch.stack([size(grid[label != own] - at, norm).min() for at, own in zip(x, y, strict=True)])
    _, distances = nearest(model, x, y, norm)
    assert (distances <= expected * 1.01).all()
    assert (distances >= expected - 2**0.5 / 400).all()


@NORMS
def test_no_worse_than_pgd_on_images(norm: str) -> None:
    model = tiny_conv().eval()
    x, y = labelled(model, 24, 3, 6, 6)
    _, distances = nearest(model, x, y, norm)
    for part in (0.3, 0.7):
        eps = float(distances.quantile(part))
        by_pgd = robust_accuracy(model, x, y, "pgd", norm, eps, steps=50, rel_step=0.1, restarts=2)
        assert by_pgd.survivors is not None
        assert (distances > eps).sum() <= by_pgd.survivors.sum() + 1


@NORMS
def test_where_the_gradient_leads_nowhere_another_start_does(norm: str) -> None:
    """Flat around x; on the left is a hill that stays right, on the right one that is wrong."""

    def hills(x: Tensor) -> Tensor:
        left, right = -((x[:, 0] - 0.2) / 0.1).square(), -((x[:, 0] - 0.9) / 0.1).square()
        return -1 + 0.9 * left.exp() + 2 * right.exp()

    x = torch.tensor([[0.3, 0.5], [0.5, 0.5]])
    _, distances = nearest(Function(hills), x, torch.zeros(2, dtype=torch.int64), norm)
    wrong_from = 0.9 - 0.1 * 0.6931**0.5
    torch.testing.assert_close(distances, wrong_from - x[:, 0].double(), rtol=2e-3, atol=0)


@NORMS
def test_without_any_gradient_a_wrong_corner_is_found_and_approached(norm: str) -> None:
    """A step: random points alone find the far corner, 6 % of the box, and halving comes close to it."""
    model = Function(lambda x: torch.where((x < 0.25).all(1), 1.0, -1.0))
    x = 0.9 + 0.1 * torch.rand(40, 2)
    points, distances = nearest(model, x, torch.zeros(40, dtype=torch.int64), norm, steps=2)
    found = distances.isfinite()
    assert found.sum() >= 38
    torch.testing.assert_close(points.amax(1)[found], torch.full((40,), 0.25)[found], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("norm", "dtype"), [("linf", torch.float64), ("l2", torch.float32)])
def test_a_sample_depends_on_its_id_and_not_on_its_batch(dtype: torch.dtype, norm: str) -> None:
    model = tiny_mlp().to(dtype).eval()
    x, y = labelled(model.float(), 20, 2)
    model, x, ids = model.to(dtype), x.to(dtype), torch.arange(20) * 7
    points, distances = nearest(model, x, y, norm, steps=40, ids=ids, seed=3)
    some = torch.randperm(20)[:7]
    of_some, theirs = nearest(model, x[some], y[some], norm, steps=40, ids=ids[some], seed=3)
    rtol = 1e-3 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(theirs, distances[some], rtol=rtol, atol=1e-7)
    if dtype == torch.float64:
        torch.testing.assert_close(of_some, points[some])
    again, _ = nearest(model, x, y, norm, steps=40, ids=ids, seed=3)
    assert torch.equal(again, points)


def test_random_points_follow_from_id_and_seed() -> None:
    def shown(ids: list[int], seed: int) -> Tensor:
        model = Watched(Function(lambda x: -1 - x[:, 0]))
        x = torch.full((len(ids), 2), 0.5)
        y = torch.zeros(len(ids), dtype=torch.int64)
        found_by(AttackSpec.of("fmn", "l2", 0.1, steps=1), model, x, y, ids=torch.tensor(ids), seed=seed)
        return torch.stack(model.seen)  # (what was shown, sample, 2)

    both = shown([5, 6], 0)
    assert torch.equal(shown([6, 5], 0), both.flip(1))
    assert not torch.equal(both[:, 0], both[:, 1])
    assert not torch.equal(shown([5, 6], 1), both)


@NORMS
def test_wrong_samples_stay_and_are_left_in_peace(norm: str) -> None:
    model = Watched(Function(lambda x: x[:, 0] - 0.5))
    x = torch.tensor([[0.6, 0.1], [0.4, 0.1], [0.9, 0.3]])
    points, distances = nearest(model, x, torch.zeros(3, dtype=torch.int64), norm)
    assert torch.equal(points[[0, 2]], x[[0, 2]])
    assert distances[[0, 2]].tolist() == [0, 0]
    torch.testing.assert_close(distances[1].item(), 0.1, rtol=1e-3, atol=0)
    assert {len(seen) for seen in model.seen[1:-3]} == {1}
    _, distances = nearest(model, x[[0, 2]], torch.zeros(2, dtype=torch.int64), norm)
    assert distances.tolist() == [0, 0]


@pytest.mark.parametrize(("norm", "shape"), [("linf", (2,)), ("l2", (3, 4, 4))])
@pytest.mark.parametrize(
    "logit",
    [lambda x: 0 * x.flatten(1).sum(1) - 1, lambda x: 0 * x.flatten(1).sum(1), lambda x: x.new_zeros(len(x))],
    ids=["constant", "tied", "without gradient"],
)
def test_nothing_found(logit: Callable[[Tensor], Tensor], shape: tuple[int, ...], norm: str) -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([torch.zeros(len(x)), logit(x)], dim=1)

    x = torch.rand(5, *shape)
    points, distances = nearest(Constant(), x, torch.zeros(5, dtype=torch.int64), norm, steps=20)
    assert distances.tolist() == [torch.inf] * 5
    assert torch.equal(points, x)


@NORMS
def test_a_gradient_that_is_not_finite(norm: str) -> None:
    """Its sample is still searched, by random points; the others do not notice."""

    def f(x: Tensor) -> Tensor:
        nan = (x[:, 0] * 0).sqrt()  # 0 with the gradient 0 · ∞
        return x[:, 0] - 0.7 + torch.where(x[:, 1] < 0.5, nan, torch.zeros_like(nan))

    x = torch.tensor([[0.5, 0.2], [0.5, 0.9], [0.6, 0.1]])
    y = torch.zeros(3, dtype=torch.int64)
    given = x.clone().requires_grad_()
    f(given).sum().backward()
    assert given.grad is not None
    assert given.grad.isnan().any(1).tolist() == [True, True, True]  # where() lets it through everywhere
    model = Watched(Function(f))
    _, distances = nearest(model, x, y, norm)
    assert torch.cat(model.seen).isfinite().all()
    true = 0.7 - x[:, 0].double()
    assert (distances >= true).all()
    assert (distances <= 1.5 * true).all()
    nowhere, far = nearest(Function(lambda x: f(x) - 9), x, y, norm)
    assert torch.equal(nowhere, x)
    assert far.isinf().all()


@NORMS
def test_one_gradient_that_is_not_finite_harms_no_other(norm: str) -> None:
    class Rooted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x[:, 0] - 0.7

        @staticmethod
        def backward(ctx, slope: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            gradient = torch.stack([slope, 0 * slope], dim=1)
            return gradient.where(x[:, 1:] > 0.01, torch.nan)

    x = torch.tensor([[0.5, 0.0], [0.5, 0.9], [0.6, 0.8]])
    _, distances = nearest(Function(Rooted.apply), x, torch.zeros(3, dtype=torch.int64), norm)
    torch.testing.assert_close(distances[1:], 0.7 - x[1:, 0].double(), rtol=2e-3, atol=0)


@pytest.mark.parametrize(("norm", "broken"), [("linf", torch.nan), ("l2", torch.inf), ("linf", -torch.inf)])
def test_logits_that_are_not_finite_are_wrong(broken: float, norm: str) -> None:
    model = Function(lambda x: torch.where(x[:, 0] > 0.7, broken, x[:, 0] - 2))
    x = torch.tensor([[0.5, 0.5], [0.8, 0.5]])
    points, distances = nearest(model, x, torch.zeros(2, dtype=torch.int64), norm)
    assert distances[1] == 0
    assert 0.2 <= distances[0] < 0.21
    assert points.isfinite().all()


@NORMS
def test_float64_is_kept(norm: str) -> None:
    task = linear_task((3,), 0.45, 0.55, n=20)
    x, model = task.x.double(), task.model.double()
    points, distances = nearest(model, x, task.y, norm)
    assert points.dtype == distances.dtype == torch.float64
    dual = task.towards_the_other.norm(p=1 if norm == "linf" else 2, dim=1)
    torch.testing.assert_close(distances, (task.lead(x) / dual).clamp(min=0), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("norm", "scale"), [("linf", 1e15), ("l2", 1e-20)])
def test_the_scale_of_the_logits_changes_nothing(norm: str, scale: float) -> None:
    task = linear_task((3,), 0.45, 0.55, n=20)
    _, expected = nearest(task.model, task.x, task.y, norm)
    scaled = Linear(task.model.weight * scale, task.model.bias * scale)
    _, distances = nearest(scaled, task.x, task.y, norm)
    torch.testing.assert_close(distances, expected, rtol=1e-3, atol=1e-6)


@NORMS
def test_what_the_model_takes_back_is_not_found(norm: str) -> None:
    """Wrong in a batch of two, as the search shows the samples, and right in the batch of three."""
    model = Function(lambda x: 0 * x[:, 0] + (1 if len(x) == 2 else -1))
    x, y = torch.rand(3, 2), torch.tensor([1, 0, 0])
    points, distances = nearest(model, x, y, norm)
    assert distances.tolist() == [0, torch.inf, torch.inf]
    assert torch.equal(points, x)


@NORMS
def test_where_the_point_on_the_boundary_is_taken_back_the_one_seen_is_returned(norm: str) -> None:
    """In the batch of three, as verified, only points are wrong that the search has looked at."""
    seen: list[Tensor] = []

    def f(x: Tensor) -> Tensor:
        if len(x) == 2:
            seen.extend(x.detach().clone())
            return x[:, 0] - 0.7
        known = torch.tensor([any(torch.equal(row, other) for other in seen) for row in x])
        return torch.where(known, x[:, 0] - 0.7, -1)

    x, y = torch.tensor([[0.1, 0.1], [0.5, 0.5], [0.6, 0.1]]), torch.tensor([1, 0, 0])
    _, distances = nearest(Function(f), x, y, norm)
    torch.testing.assert_close(distances[1:], 0.7 - x[1:, 0].double(), rtol=1e-3, atol=0)


def test_no_samples() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    found = found_by(AttackSpec.of("fmn", "l2", 0.1), tiny_mlp().eval(), torch.rand(0, 2), none)
    assert found.points.shape == (0, 2)
    assert found.distances.shape == (0,)
