"""attack=uniform_noise, attack=gaussian_noise: random points of the ball."""

import math

import pytest
import torch
from torch import Tensor

from bregman_exp.robustness import AttackSpec, evaluate, robust_accuracy
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.threat import Threat

from .reference import Function, Linear, Watched, found_by, labelled, named, tiny_mlp

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
BOTH = pytest.mark.parametrize("attack", ["uniform_noise", "gaussian_noise"])
SHAPES = pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])


def size(change: Tensor, norm: str) -> Tensor:
    flat = change.double().flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def moved(attack: str, x: Tensor, norm: str, eps: float, *, restarts: int = 1, **more) -> Tensor:
    d = x[0].numel()
    model = Linear(torch.stack([torch.zeros(d), torch.ones(d)]).to(x), torch.zeros(2).to(x))
    y = torch.zeros(len(x), dtype=torch.int64)
    return found_by(AttackSpec.of(attack, norm, eps, restarts=restarts), model, x, y, **more).points


@NORMS
@SHAPES
def test_gaussian_noise_has_the_norm_eps_away_from_the_box(shape: tuple[int, ...], norm: str) -> None:
    x = 0.4 + 0.2 * torch.rand(50, *shape)
    change = moved("gaussian_noise", x, norm, 0.3) - x
    torch.testing.assert_close(size(change, norm), torch.full((50,), 0.3).double(), rtol=1e-5, atol=0)
    assert change.flatten(1).mean(0).abs().max() < 0.15  # in no direction of its own


@NORMS
@SHAPES
def test_uniform_noise_is_uniform_within(shape: tuple[int, ...], norm: str) -> None:
    x, d = torch.full((400, *shape), 0.5), torch.Size(shape).numel()
    radius = size(moved("uniform_noise", x, norm, 0.3) - x, norm) / 0.3
    assert radius.max() <= 1 + 1e-6
    share = (radius**d).sort().values  # of the ball's volume within: uniform in [0, 1]
    assert (share - (torch.arange(400) + 0.5) / 400).abs().max() < 0.09


@NORMS
@SHAPES
@BOTH
def test_the_box_is_kept(attack, shape: tuple[int, ...], norm: str) -> None:
    x = torch.rand(60, *shape).round()
    points = moved(attack, x, norm, 0.5, restarts=3)
    assert points.min() >= 0
    assert points.max() <= 1
    assert Threat(norm, 0.5).violation(points, x).max() <= 1e-6


@NORMS
@BOTH
def test_a_samples_noise_follows_from_seed_and_id_not_from_its_batch(attack, norm: str) -> None:
    x, ids = 0.3 + 0.4 * torch.rand(9, 5), torch.arange(9) * 11
    whole = moved(attack, x, norm, 0.1, ids=ids, restarts=3)
    some = torch.tensor([7, 2, 3])
    assert torch.equal(moved(attack, x[some], norm, 0.1, ids=ids[some], restarts=3), whole[some])
    torch.manual_seed(5)
    assert torch.equal(moved(attack, x, norm, 0.1, ids=ids, restarts=3), whole)
    for other in (moved(attack, x, norm, 0.1, ids=ids + 1), moved(attack, x, norm, 0.1, ids=ids, seed=1)):
        assert (other - whole).abs().flatten(1).amax(1).min() > 0
    same = x[:1].expand(9, 5)
    apart = moved(attack, same, norm, 0.1, ids=ids)
    assert len({tuple(point.tolist()) for point in apart}) == 9


@NORMS
@BOTH
def test_of_several_draws_the_worst_is_kept(attack: str, norm: str) -> None:
    model = Watched(tiny_mlp(2, 3).requires_grad_(False))
    x, y = labelled(model, 40, 2)
    model.seen.clear()
    points = found_by(AttackSpec.of(attack, norm, 0.1, restarts=5), model, x, y).points
    shown = torch.stack(model.seen)  # (5, 40, 2)
    assert len(shown) == 5
    margins = torch.stack([margin(model.model(each), y) for each in shown])
    assert torch.equal(points, shown[margins.argmax(0), range(40)])
    assert len(margins.argmax(0).unique()) == 5  # no draw is the best of all samples
    fewer = found_by(AttackSpec.of(attack, norm, 0.1, restarts=2), model, x, y).points
    assert (margin(model.model(points), y) >= margin(model.model(fewer), y)).all()


@NORMS
@BOTH
def test_more_draws_only_lower_the_accuracy(attack, norm: str) -> None:
    model = tiny_mlp(2, 3)
    x, y = labelled(model, 80, 2)
    left = torch.ones(80, dtype=torch.bool)
    counts = []
    for draws in (1, 3, 20):
        report = robust_accuracy(model, x, y, attack, norm, 0.1, restarts=draws)
        assert report.survivors is not None
        assert not (report.survivors & ~left).any()
        left = report.survivors
        counts.append(int(left.sum()))
    assert counts[0] > counts[-1] > 0


def normal_tail(value: float) -> float:
    return math.erfc(value / math.sqrt(2)) / 2


@pytest.mark.parametrize("dimensions", [2, 3, 40])
@pytest.mark.parametrize("distance", [0.05, 0.1, 0.15])
def test_a_linear_model_under_noise_on_the_sphere(distance: float, dimensions: int) -> None:
    """P(⟨u, w⟩ < t), u uniform on the unit sphere: in three dimensions uniform in t, in two arccos."""
    w = torch.zeros(dimensions)
    w[0] = 1.0
    model = Linear(torch.stack([0 * w, w]), torch.tensor([0.0, -0.5]))
    x = torch.full((2000, dimensions), 0.5)
    x[:, 0] -= distance
    report = robust_accuracy(
        model, x, torch.zeros(2000, dtype=torch.int64), "gaussian_noise", "l2", 0.2, batch_size=500
    )
    t = distance / 0.2
    exact = {
        2: 1 - math.acos(t) / math.pi,
        3: (1 + t) / 2,
        40: 1 - normal_tail(t * math.sqrt(40)),  # nearly normal
    }[dimensions]
    assert report.accuracy == pytest.approx(exact, abs=0.035)


@pytest.mark.parametrize("distance", [0.05, 0.1, 0.15])
def test_a_linear_model_under_uniform_noise(distance: float) -> None:
    """In ℓ∞ two coordinates add up to a triangle on [−2ε, 2ε], in ℓ2 a disc is cut by a chord."""
    w = torch.tensor([1.0, 1.0])
    x = torch.full((2000, 2), 0.5)
    x[:, 0] -= 2 * distance
    y = torch.zeros(2000, dtype=torch.int64)
    model = Linear(torch.stack([0 * w, w]), torch.tensor([0.0, -1.0]))
    report = robust_accuracy(model, x, y, "uniform_noise", "linf", 0.2, batch_size=500)
    assert report.accuracy == pytest.approx(1 - (1 - distance / 0.2) ** 2 / 2, abs=0.035)
    t = 2 * distance / math.sqrt(2) / 0.2
    cap = (math.acos(t) - t * math.sqrt(1 - t * t)) / math.pi if t < 1 else 0
    report = robust_accuracy(model, x, y, "uniform_noise", "l2", 0.2, batch_size=500)
    assert report.accuracy == pytest.approx(1 - cap, abs=0.035)


@NORMS
@BOTH
def test_eps_0_and_float64(attack, norm: str) -> None:
    model = tiny_mlp(2, 3)
    x, y = labelled(model, 20, 2)
    y[::5] = (y[::5] + 1) % 3
    evaluation = evaluate(model, x, y, [AttackSpec.of(attack, norm, eps) for eps in (0, 0.05)])
    left = evaluation.robust[0].survivors
    assert left is not None
    assert torch.equal(left, evaluation.predictions == y)
    assert {check.status for check in named(evaluation.checks, "points-in-threat")} == {"passed"}
    assert {entry.verdict for entry in evaluation.robust} == {"unchecked"}
    points = moved(attack, torch.rand(4, 2).double(), norm, 0.1)
    assert points.dtype == torch.float64


@BOTH
def test_a_margin_that_is_not_finite_is_the_largest(attack) -> None:
    def f(x: Tensor) -> Tensor:  # no number in a quarter of the plane
        return torch.where((x > 0.5).all(1), torch.nan, -1 + 0 * x[:, 0])

    x = torch.full((30, 2), 0.5)
    spec, y = AttackSpec.of(attack, "l2", 0.1, restarts=20), torch.zeros(30, dtype=torch.int64)
    points = found_by(spec, Function(f), x, y).points
    assert f(points).isnan().float().mean() > 0.9
