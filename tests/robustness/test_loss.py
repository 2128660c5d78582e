import math

import torch
import torch.nn.functional as F

from bregman_exp.robustness.attacks.loss import LOSSES, cross_entropy, margin

LOGITS = torch.tensor([[2.0, 5.0, 1.0], [0.0, 0.0, 0.0], [1.0, -1.0, 4.0]])
Y = torch.tensor([1, 0, 0])


def test_there_are_two() -> None:
    assert {"ce": cross_entropy, "margin": margin} == LOSSES


def test_margin() -> None:
    torch.testing.assert_close(margin(LOGITS, Y), torch.tensor([-3.0, 0.0, 3.0]))


def test_cross_entropy_is_the_usual_one_before_its_softplus() -> None:
    e = math.e
    expected = [math.log(e**2 + e) - 5, math.log(2), math.log(1 / e + e**4) - 1]
    torch.testing.assert_close(cross_entropy(LOGITS, Y), torch.tensor(expected))
    usual = F.cross_entropy(LOGITS, Y, reduction="none")
    torch.testing.assert_close(F.softplus(cross_entropy(LOGITS, Y)), usual)
    torch.testing.assert_close(usual[1], torch.tensor(math.log(3)))


def test_cross_entropy_has_the_direction_of_the_usual_one() -> None:
    logits, y = torch.randn(50, 6, dtype=torch.float64, requires_grad=True), torch.randint(6, (50,))
    (ours,) = torch.autograd.grad(cross_entropy(logits, y).sum(), logits)
    (usual,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), logits)
    torch.testing.assert_close(F.normalize(ours), F.normalize(usual))


def test_cross_entropy_does_not_saturate() -> None:
    logits = torch.tensor([[500.0, 0.0, -1.0], [40.0, 0.0, 0.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(cross_entropy(logits, torch.zeros(2, dtype=torch.int64)).sum(), logits)
    share = 1 / (1 + math.e**-1)
    torch.testing.assert_close(gradient, torch.tensor([[-1, share, 1 - share], [-1, 0.5, 0.5]]))
