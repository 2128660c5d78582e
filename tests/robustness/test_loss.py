import math

import pytest
import torch
import torch.nn.functional as F

from bregman_exp.robustness.attacks.loss import LOSSES, cross_entropy, dlr, margin

LOGITS = torch.tensor([[2.0, 5.0, 1.0], [0.0, 0.0, 0.0], [1.0, -1.0, 4.0]])
Y = torch.tensor([1, 0, 0])


def test_the_plain_cross_entropy_is_torchs() -> None:
    torch.testing.assert_close(LOSSES["ce-plain"](LOGITS, Y), F.cross_entropy(LOGITS, Y, reduction="none"))


def test_dlr() -> None:
    logits = torch.tensor([[2.0, 5.0, 1.0, 4.0], [0.0, 3.0, 1.0, 2.0]])
    expected = [(4 - 5) / (5 - 2), (3 - 2) / (3 - 1)]
    torch.testing.assert_close(dlr(logits, torch.tensor([1, 3])), torch.tensor(expected))
    torch.testing.assert_close(dlr(1e6 * logits - 7, torch.tensor([1, 3])), torch.tensor(expected))
    assert dlr(torch.zeros(1, 3), torch.tensor([0])).item() == 0
    with pytest.raises(ValueError, match="loss=dlr needs three classes, the model has 2; use loss=margin"):
        dlr(torch.zeros(1, 2), torch.tensor([0]))


def test_the_rescaled_cross_entropy_forgets_the_scale_of_the_logits() -> None:
    logits = torch.randn(20, 5, dtype=torch.float64, requires_grad=True)
    y = torch.randint(5, (20,))
    directions = []
    for scale in (1, 1e-6, 1e6):
        losses = LOSSES["ce-rescaled"](scale * logits, y)
        directions.append(F.normalize(torch.autograd.grad(losses.sum(), logits)[0]))
    spread = logits.detach().std(dim=1, keepdim=True, correction=0)
    torch.testing.assert_close(losses, cross_entropy(logits / spread, y))
    torch.testing.assert_close(directions[0], directions[1])
    torch.testing.assert_close(directions[0], directions[2])


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
