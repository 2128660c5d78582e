"""attack=exact: every verdict is true, and none is left open without a word."""

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.geometry import legendre_map
from bregman_exp.models import MLP, mlp
from bregman_exp.robustness import AttackSpec, Report, evaluate, robust_accuracy

from .reference import Linear, Watched, found_by, named, tiny_conv, tiny_mlp

NORMS = ("linf", "l2")


class BoundedLinear(Linear):
    """W x + b with its exact range over boxes."""

    def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
        weight, bias = self.weight.detach().double(), self.bias.detach().double()
        plus, minus = weight.clamp(min=0).T, weight.clamp(max=0).T
        return lo @ plus + hi @ minus + bias, hi @ plus + lo @ minus + bias


class Flat(nn.Module):
    """Class 0 leads by ``lead`` everywhere; its bounds are wrong by ``off``."""

    def __init__(self, lead: float, off: float = 0.0):
        super().__init__()
        self.lead, self.off = lead, off

    def forward(self, x: Tensor) -> Tensor:
        zero = 0 * x.sum(1)
        return torch.stack([zero + self.lead, zero], dim=1)

    def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
        return self(lo) + self.off, self(lo) + self.off


def undecided(report: Report) -> float:
    (check,) = (check for check in report.checks if check.name == "exact-undecided")
    assert check.value is not None
    return check.value


def least_lead(x: Tensor, w: Tensor, b: float, norm: str, eps: float) -> Tensor:
    """min of w·p + b over the ball around each x (N, 2) and the box [0, 1]², in closed form.

    For ℓ∞ each coordinate goes to its end. For ℓ2 the minimum lies on the sphere where the box allows it,
    else on an edge of the box: each coordinate in turn is at its end, the rest of ε is spent on the other.
    """
    if norm == "linf":
        return ((x - eps * w.sign()).clamp(0, 1) * w).sum(1) + b
    candidates = [x - eps * w / w.norm()]
    for axis in range(2):
        for end in (0.0, 1.0):
            rest = (eps**2 - (x[:, axis] - end) ** 2).clamp(min=0).sqrt()
            point = x.clone()
            point[:, axis] = end
            point[:, 1 - axis] = (x[:, 1 - axis] - rest * w[1 - axis].sign()).clamp(0, 1)
            candidates.append(point)
    leads = torch.stack([(p * w).sum(1) + b for p in candidates])
    allowed = torch.stack(
        [((p - x).norm(dim=1) <= eps + 1e-12) & ((p >= 0) & (p <= 1)).all(1) for p in candidates]
    )
    return leads.where(allowed, math.inf).amin(0)


@pytest.mark.parametrize("eps", [0.003, 0.05, 0.2, 0.6])
@pytest.mark.parametrize("norm", NORMS)
def test_a_linear_model_in_closed_form(norm: str, eps: float) -> None:
    for w, b in (([1.0, 0.4], -0.7), ([-0.6, 2.0], -0.3), ([0.9, 0.0], -0.05)):  # the last: close to an edge
        x, weight = torch.rand(300, 2, dtype=torch.float64), torch.tensor(w)
        model = BoundedLinear(torch.stack([-weight, weight]) / 2, torch.tensor([-b, b]) / 2)
        y = (model(x.float()).diff(dim=1) > 0).long().flatten()
        y[::10] = 1 - y[::10]
        of_class = [least_lead(x, s * weight.double(), s * b, norm, eps) for s in (-1, 1)]
        leads = torch.where(y == 1, of_class[1], of_class[0])
        report = robust_accuracy(model, x.float(), y, "exact", norm, eps)
        assert report.survivors is not None
        clear = leads.abs() > 1e-3
        assert torch.equal(report.survivors[clear], (leads > 0)[clear])
        assert clear.double().mean() > 0.95
        assert undecided(report) <= 0.005
        for name in ("points-in-threat", "exact-undecided"):
            assert [check.status for check in named(report.checks, name)] == ["passed"]


def spiral(n: int) -> tuple[Tensor, Tensor]:
    """Two arms without noise, in [0, 1]²."""
    angle, y = 2 * math.pi * torch.rand(n).sqrt(), torch.arange(n) % 2
    radius = (2 * angle + math.pi) / (5.2 * math.pi)
    turn = angle + math.pi * y
    points = torch.stack([radius * turn.cos(), radius * turn.sin()], dim=1)
    return (0.5 + 0.45 * points + 0.01 * torch.randn(n, 2)).clamp(0, 1), y


@functools.cache
def trained(version: str) -> MLP:
    torch.manual_seed(0)
    net = mlp([6, 6], act=legendre_map("atan"), version=version, in_features=2, num_classes=2)
    x, y = spiral(400)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net.eval()


@torch.no_grad()
def grid_right(net: MLP, x: Tensor, y: Tensor, norm: str, eps: float, n: int = 81) -> Tensor:
    """Whether every point of a dense grid of the ball, its sphere included, is right: (N,)."""
    line = torch.linspace(-1, 1, n)
    grid = torch.cartesian_prod(line, line)
    turn = torch.linspace(0, 2 * math.pi, 8 * n)
    if norm == "l2":
        grid = torch.cat([grid[grid.norm(dim=1) <= 1], torch.stack([turn.cos(), turn.sin()], dim=1)])
    points = (x[:, None] + eps * grid).clamp(0, 1)  # (N, G, 2)
    return (net(points.flatten(0, 1)).argmax(1).view(len(x), -1) == y[:, None]).all(1)


@pytest.mark.parametrize(
    ("version", "norm", "eps"),
    [("bregman", norm, eps) for norm in NORMS for eps in (0.005, 0.06)]
    + [("standard", "linf", 0.02), ("standard", "l2", 0.02)],
)
def test_no_attack_and_no_grid_contradicts_a_proof(version: str, norm: str, eps: float) -> None:
    net = trained(version)
    x, y = spiral(200)
    truth = robust_accuracy(net, x, y, "exact", norm, eps)
    attacked = robust_accuracy(net, x, y, "pgd", norm, eps)
    assert truth.survivors is not None
    assert attacked.survivors is not None
    assert truth.checks[0].status == "passed"
    assert undecided(truth) == 0
    assert (net(x).argmax(1) == y).double().mean() > 0.7
    assert not (truth.survivors & ~attacked.survivors).any()
    by_grid = grid_right(net, x, y, norm, eps)
    assert not (truth.survivors & ~by_grid).any()
    assert (truth.survivors != by_grid).sum() <= 2  # slivers between the points of the grid


@pytest.mark.parametrize("norm", NORMS)
def test_every_point_found_is_wrong_and_every_other_one_is_the_sample(norm: str) -> None:
    net, (x, y) = trained("bregman"), spiral(200)
    right = net(x).argmax(1) == y
    x, y = x[right], y[right]
    found = found_by(AttackSpec.of("exact", norm, 0.06), net, x, y)
    assert found.proven is not None
    wrong = net(found.points).argmax(1) != y
    assert AttackSpec.of("exact", norm, 0.06).threat.violation(found.points, x).max() <= 1e-6
    assert torch.equal(wrong, ~found.proven)
    assert torch.equal(found.points[~wrong], x[~wrong])
    assert 0 < wrong.sum() < len(x)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("norm", NORMS)
def test_lines_and_space(norm: str, d: int) -> None:
    """Class 1 beyond Σx = ½d + gap: reached if the ball's radius exceeds the distance, and only then."""
    model = BoundedLinear(torch.stack([-torch.ones(d), torch.ones(d)]), torch.tensor([0.5, -0.5]) * d)
    x = torch.full((2, d), 0.5)
    x -= torch.tensor([[0.0999], [0.1001]]) * (1 if norm == "linf" else d**-0.5)
    report = robust_accuracy(model, x, torch.zeros(2, dtype=torch.int64), "exact", norm, 0.1)
    assert report.survivors is not None
    assert report.survivors.tolist() == [False, True]
    assert undecided(report) == 0


@pytest.mark.parametrize("eps", [0.0, 1.0])
def test_the_smallest_and_the_largest_ball(eps: float) -> None:
    net, (x, y) = trained("bregman"), spiral(50)
    report = robust_accuracy(net, x, y, "exact", "linf", eps)
    assert report.correct == (int((net(x).argmax(1) == y).sum()) if eps == 0 else 0)
    assert undecided(report) == 0


@pytest.mark.parametrize(
    ("model", "share"),
    [
        (Flat(1e-3), 0),
        (Flat(1e-5), 1),  # float32 may turn so small a lead
        (Flat(1.0, off=math.nan), 1),
        (Flat(1.0, off=1e-3), 1),  # bounds that the model itself contradicts prove nothing
    ],
)
def test_what_is_not_proven_is_told(model: Flat, share: float) -> None:
    x, y = torch.rand(20, 2), torch.zeros(20, dtype=torch.int64)
    evaluation = evaluate(model, x, y, [AttackSpec.of("exact", "l2", 0.1), AttackSpec.of("pgd", "l2", 0.1)])
    assert len(named(evaluation.checks, "points-in-threat")) == 2
    (check,) = named(evaluation.checks, "exact-undecided")
    assert (check.applies_to, check.value, check.limit) == (("exact-l2-0.1",), share, 0.05)
    assert check.status == ("failed" if share else "passed")
    assert evaluation.robust[0].survivors is not None
    assert evaluation.robust[0].survivors.all()  # counted as right


def test_logits_that_are_not_finite_are_wrong() -> None:
    class Broken(BoundedLinear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).masked_fill(x[:, :1] > 0.55, math.nan)

        def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
            lower, upper = super().interval(lo, hi)
            beyond = hi[:, :1] > 0.55
            return lower.masked_fill(beyond, -math.inf), upper.masked_fill(beyond, math.inf)

    model = Broken(torch.zeros(2, 2), torch.tensor([1.0, 0.0]))
    x, y = torch.tensor([[0.5, 0.5], [0.4, 0.5]]), torch.zeros(2, dtype=torch.int64)
    report = robust_accuracy(model, x, y, "exact", "linf", 0.1)
    assert report.survivors is not None
    assert report.survivors.tolist() == [False, True]


def test_what_metrics_json_says() -> None:
    assert AttackSpec.of("exact", "l2", 0.02).to_json() == {
        "attack": "exact",
        "norm": "l2",
        "eps": 0.02,
        "steps": None,
        "restarts": None,
        "loss": None,
    }


@pytest.mark.parametrize(
    ("model", "shape", "sentence"),
    [
        (tiny_conv(), (4, 3, 6, 6), r"needs samples of at most 3 dimensions, not of shape \(3, 6, 6\)"),
        (tiny_mlp(4), (4, 4), r"needs samples of at most 3 dimensions, not of shape \(4,\)"),
        (tiny_mlp(), (4, 2), r"needs a model with interval\(lo, hi\).*Sequential has none"),
        (Watched(tiny_mlp()), (4, 2), r"Watched has none"),
        (
            mlp([2], act=legendre_map("gelu"), version="standard", in_features=2, num_classes=2),
            (4, 2),
            r"'gelu' is not increasing",
        ),
    ],
)
def test_what_cannot_be_searched(model: nn.Module, shape: tuple[int, ...], sentence: str) -> None:
    x = torch.rand(shape)
    y = model.eval()(x).argmax(1)
    with pytest.raises(ValueError, match=sentence):
        robust_accuracy(model, x, y, "exact", "linf", 0.1)


def test_a_proof_is_reliable_and_a_search_without_result_is_not() -> None:
    x, y = torch.rand(20, 2), torch.zeros(20, dtype=torch.int64)
    settings = {"act": "atan", "version": "standard", "in_features": 2, "num_classes": 2}
    net = bx.mlp([2], init="deterministic", **settings)
    with torch.no_grad():  # class 1 beside the corner (1, 1) alone, elsewhere class 0 with a lead or none
        net.layers[0].linear.weight.zero_()[0] = 1.0
        net.output.weight.copy_(torch.tensor([[0.0, 0.0], [1e-7, 0.0]]))
        net.output.bias.copy_(torch.tensor([0.0, -1.25e-7]))
    report = bx.robust_accuracy(net, x, y, attack="exact", norm="linf", eps=0.01)
    assert (report.accuracy, report.verdict) == (1.0, "unreliable")
    with torch.no_grad():
        net.output.weight.copy_(torch.tensor([[0.0, 0.0], [40.0, 0.0]]))
        net.output.bias.copy_(torch.tensor([0.0, -50.0]))
    report = bx.robust_accuracy(net, x, y, attack="exact", norm="linf", eps=0.01)
    assert (report.accuracy, report.verdict) == (1.0, "reliable")
