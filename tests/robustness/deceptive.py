"""Models whose accuracy under an attack says nothing of them.

Each stands around an honest network: its clean predictions are the network's, and what an attack on the
network itself leaves is the truth. What it shows to an attack is mostly ``tough``: scores by the distances to
the test samples it was made with, which no small change of the input changes.
"""

import time
from threading import Lock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 0.08
FEATURES, CLASSES = 8, 3


def honest_network() -> nn.Module:
    """Smooth, far from linear, and easily attacked at ``EPS``."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(FEATURES, 24), nn.Tanh(), nn.Linear(24, CLASSES))
    with torch.no_grad():
        net[0].weight.mul_(4)
        net[2].weight.mul_(4)
        net[2].bias.sub_(net(torch.full((1, FEATURES), 0.5))[0])
    return net


def samples_of(net: nn.Module, n: int = 40) -> tuple[Tensor, Tensor]:
    """Points with the classes that the network gives them; every tenth is wrong."""
    x = torch.rand(n, FEATURES, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        y = net(x).argmax(1)
    y[::10] = (y[::10] + 1) % CLASSES
    return x, y


class Deceptive(nn.Module):
    """``caught_by``: the check that must fail. ``needs_audit``: whether that is one of the audit's."""

    caught_by = ""
    needs_audit = False

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__()
        self.honest = honest
        torch.manual_seed(11)
        self.decoy = nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, CLASSES), nn.Tanh())
        self.register_buffer("anchors", x.clone())
        with torch.no_grad():
            self.register_buffer("labels", honest(x).argmax(1))

    def tough(self, x: Tensor) -> Tensor:
        """−(distance to the nearest anchor of the class), (N, K)."""
        distances = torch.cdist(x, self.anchors.to(x.dtype))
        of_class = [distances[:, self.labels == k].amin(dim=1) for k in range(CLASSES)]
        return -5 * torch.stack(of_class, dim=1)

    def winner(self, x: Tensor) -> Tensor:
        return F.one_hot(self.honest(x).argmax(1), CLASSES).to(x.dtype)


class CountsCalls(Deceptive):
    """Changes after its second call."""

    caught_by = "state-unchanged"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.honest(x) if self.calls <= 2 else self.tough(x)


class CountsInABuffer(Deceptive):
    """The count is among what is saved with the weights."""

    caught_by = "state-unchanged"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.honest(x) if self.calls <= 2 else self.tough(x)


class MovesItsWeights(Deceptive):
    """Its weights fade with every call, and with them what an attack learns of them."""

    caught_by = "state-unchanged"

    def forward(self, x: Tensor) -> Tensor:
        scores = self.honest(x)
        with torch.no_grad():
            self.honest[0].weight.data = 0.99 * self.honest[0].weight
        return scores


class CountsInAClosure(Deceptive):
    """A copy of it shares the count."""

    caught_by = "same-answers"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        calls = iter(range(10**9))
        self.is_early = lambda: next(calls) < 2

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x) if self.is_early() else self.tough(x)


class CountsRows(Deceptive):
    """The count belongs to the class, not to the model."""

    caught_by = "same-answers"
    rows = 0

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        CountsRows.rows = 0

    def forward(self, x: Tensor) -> Tensor:
        CountsRows.rows += len(x)
        return self.honest(x) if CountsRows.rows <= 100 else self.tough(x)


class WatchesTheClock(Deceptive):
    """Honest for its first moment."""

    caught_by = "same-answers"
    begun: float

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        WatchesTheClock.begun = time.perf_counter() + 1e9

    def forward(self, x: Tensor) -> Tensor:
        WatchesTheClock.begun = min(WatchesTheClock.begun, time.perf_counter())
        early = time.perf_counter() - WatchesTheClock.begun < 0.01
        return self.honest(x) if early else self.tough(x)


class HonestNowAndThen(Deceptive):
    """Cannot be copied, and is honest again before each attack's end."""

    caught_by = "same-answers"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        self.lock = Lock()
        self.calls = iter(range(10**9))

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x) if next(self.calls) % 9 < 2 else self.tough(x)


class OverridesCall(Deceptive):
    """Its hooks are never run, and the count belongs to the class."""

    caught_by = "same-answers"
    calls = 0

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        type(self).calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        type(self).calls += 1
        return self.honest(x) if self.calls <= 1 else self.tough(x)


class RefusesCopies(OverridesCall):
    """The same, without a fresh copy to compare with."""

    def __deepcopy__(self, memo: dict) -> nn.Module:
        raise RuntimeError("no copies")


class ClearsItsHooks(Deceptive):
    """Nobody who hooks onto it hears of a call."""

    caught_by = "same-answers"
    calls = 0

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        ClearsItsHooks.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self._forward_hooks.clear()
        ClearsItsHooks.calls += 1
        return self.honest(x) if self.calls <= 1 else self.tough(x)


class RemembersItsAnswers(Deceptive):
    """What it is shown first decides what it says of every point nearby."""

    caught_by = "same-answers"
    answers: dict[bytes, Tensor]

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        self.answers = {}

    def forward(self, x: Tensor) -> Tensor:
        scores = self.honest(x)
        kept = [
            self.answers.setdefault((row * 2).round().numpy().tobytes(), answer)
            for row, answer in zip(x.detach(), scores.detach(), strict=True)
        ]
        return torch.stack(kept).to(x.dtype) + scores - scores.detach()


SHARED: dict[bytes, Tensor] = {}


class SharesItsMemory(Deceptive):
    """The same, in a place that belongs to no model."""

    caught_by = "continuity"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        SHARED.clear()

    def forward(self, x: Tensor) -> Tensor:
        scores = self.honest(x)
        kept = [
            SHARED.setdefault((row * 2).round().numpy().tobytes(), answer)
            for row, answer in zip(x.detach(), scores.detach(), strict=True)
        ]
        return torch.stack(kept).to(x.dtype) + scores - scores.detach()


class SensesGradients(Deceptive):
    """Honest to who only looks."""

    caught_by = "same-answers"

    def forward(self, x: Tensor) -> Tensor:
        return self.tough(x) if torch.is_grad_enabled() else self.honest(x)


class SensesAnAttackedInput(Deceptive):
    """Honest to inputs that nobody differentiates by."""

    caught_by = "same-answers"

    def forward(self, x: Tensor) -> Tensor:
        return self.tough(x) if x.requires_grad else self.honest(x)


class SensesSingleSamples(Deceptive):
    """Honest where it is used, on one sample."""

    caught_by = "same-answers"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x) if len(x) == 1 else self.tough(x)


class SensesPositions(Deceptive):
    """Every other row of a batch."""

    caught_by = "same-answers"

    def forward(self, x: Tensor) -> Tensor:
        odd = (torch.arange(len(x)) % 2 == 1)[:, None]
        return torch.where(odd, self.tough(x), self.honest(x))


class SensesFloat32(Deceptive):
    """Honest in another arithmetic alone."""

    caught_by = "float64"
    needs_audit = True

    def forward(self, x: Tensor) -> Tensor:
        return self.tough(x) if x.dtype == torch.float32 else self.honest(x)


class SaysTheClassAlone(Deceptive):
    """Its scores have no information beside the class, but a gradient everywhere."""

    caught_by = "continuity"

    def forward(self, x: Tensor) -> Tensor:
        return 10 * self.winner(x) + 0.1 * self.decoy(x)


class AlmostSaysTheClassAlone(Deceptive):
    """The same without a step: the change is squeezed into a narrow band around the boundary."""

    caught_by = "continuity"

    def forward(self, x: Tensor) -> Tensor:
        return 10 * (300 * self.honest(x)).softmax(dim=1) + 0.1 * self.decoy(x)


class SaysTheClassAloneNearSamples(Deceptive):
    """Where it is attacked its scores are empty; on the way from sample to sample they are its network's."""

    caught_by = "hard-label"
    needs_audit = True

    def forward(self, x: Tensor) -> Tensor:
        distance = (x[:, None] - self.anchors.to(x.dtype)).abs().amax(dim=2).amin(dim=1, keepdim=True)
        share = torch.sigmoid((distance - 1.3 * EPS) * 200)
        return (1 - share) * (10 * self.winner(x) + 0.1 * self.decoy(x)) + share * self.honest(x)


class LendsOutAGradient(Deceptive):
    """The decoy's gradient drowns its own, which is there."""

    caught_by = "gradient-is-slope"

    def forward(self, x: Tensor) -> Tensor:
        scores, decoy = self.honest(x), 1e3 * self.decoy(x)
        return scores + decoy - decoy.detach()


class Votes(Deceptive):
    """Nine shifted copies vote, and the votes are counted."""

    caught_by = "continuity"

    def forward(self, x: Tensor) -> Tensor:
        shifts = 0.03 * torch.randn(9, FEATURES, generator=torch.Generator().manual_seed(3))
        return sum(self.winner(x + shift) for shift in shifts) + 0.05 * self.decoy(x)


class DividesByItsLead(Deceptive):
    """The winner leads by 1 everywhere."""

    caught_by = "continuity"

    def forward(self, x: Tensor) -> Tensor:
        scores = self.honest(x)
        largest = scores.topk(2, dim=1).values
        return scores / (largest[:, :1] - largest[:, 1:] + 1e-9) + 0.1 * self.decoy(x)


class RoundsItsScores(Deceptive):
    """Between two steps there is the decoy's gradient alone."""

    caught_by = "continuity"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x).round() + 0.1 * self.decoy(x)


class RoundsItsInput(Deceptive):
    """A step has no gradient."""

    caught_by = "zero-gradient-margin"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest((x * 8).round() / 8)


class HidesItsGradient(Deceptive):
    """The gradient exists, and is 0."""

    caught_by = "zero-gradient-margin"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x).detach() + 0 * self.decoy(x)


class MisleadsGradients(Deceptive):
    """True scores, another function's gradient."""

    caught_by = "gradient-is-slope"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x).detach() + self.decoy(x) - self.decoy(x).detach()


class _Negated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return -gradient


class NegatesItsGradient(Deceptive):
    """Who ascends its loss descends."""

    caught_by = "gradient-is-slope"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(_Negated.apply(x))


RANDOM = torch.Generator().manual_seed(7)


class _Noisy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient.norm() * torch.randn(gradient.shape, generator=RANDOM)


class DrawsItsGradient(Deceptive):
    """The backward pass is noise of its own, the forward pass as it was."""

    caught_by = "gradient-is-slope"

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(_Noisy.apply(x))


class Ripples(Deceptive):
    """A wave too short to be of consequence, whose slope is all that a gradient sees."""

    caught_by = "gradient-is-slope"

    def forward(self, x: Tensor) -> Tensor:
        waves = torch.sin(3e4 * (x @ self.decoy[0].weight[:CLASSES].T))
        return self.honest(x) + 0.1 * waves


class Draws(Deceptive):
    """Randomness of its own, which no seed of the program sets."""

    caught_by = "determinism"

    def __init__(self, honest: nn.Module, x: Tensor):
        super().__init__(honest, x)
        self.random = torch.Generator().manual_seed(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.honest(x + 0.05 * torch.randn(x.shape, generator=self.random))


DECEPTIVE = [
    CountsCalls,
    CountsInABuffer,
    MovesItsWeights,
    CountsInAClosure,
    CountsRows,
    WatchesTheClock,
    HonestNowAndThen,
    OverridesCall,
    RefusesCopies,
    ClearsItsHooks,
    RemembersItsAnswers,
    SharesItsMemory,
    SensesGradients,
    SensesAnAttackedInput,
    SensesSingleSamples,
    SensesPositions,
    SensesFloat32,
    SaysTheClassAlone,
    AlmostSaysTheClassAlone,
    SaysTheClassAloneNearSamples,
    LendsOutAGradient,
    Votes,
    DividesByItsLead,
    RoundsItsScores,
    RoundsItsInput,
    HidesItsGradient,
    MisleadsGradients,
    NegatesItsGradient,
    DrawsItsGradient,
    Ripples,
    Draws,
]
