import pytest
import torch

import bregman_exp as bx
from bregman_exp.models.nearest_value import NearestValue, evenly_spaced
from bregman_exp.training.objective import squared_error


def network(**settings) -> torch.nn.Module:
    torch.manual_seed(0)
    usual = {"act": "atan", "in_features": 1, "num_classes": 3, "values": (0.0, 0.5, 1.0)}
    return bx.mlp([4, 4], **usual | settings)


def test_values_are_evenly_spaced_from_zero_to_one() -> None:
    assert evenly_spaced(2) == [0, 1]
    assert evenly_spaced(3) == [0, 0.5, 1]


def test_the_answer_is_the_nearest_value_and_the_loss_the_squared_error() -> None:
    layer = NearestValue(1, (0.0, 0.5, 1.0))
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
    f = torch.tensor([[-3.0], [0.2], [0.3], [0.7], [0.8], [9.0]])
    assert layer(f).argmax(dim=1).tolist() == [0, 0, 1, 1, 2, 2]
    y = torch.tensor([0, 1, 1, 2, 2, 0])
    errors = (f[:, 0] - torch.tensor([0, 0.5, 0.5, 1, 1, 0])) ** 2
    assert torch.allclose(squared_error(layer(f), y, reduction="none"), errors)
    assert torch.allclose(squared_error(layer(f), y), errors.mean())


@pytest.mark.parametrize("version", ["standard", "bregman"])
def test_bounds_hold_and_are_tight_in_small_cells(version: str) -> None:
    net = network(version=version).double()
    centre, radius = torch.rand(200, 1, dtype=torch.float64), 1e-3
    lower, upper = net.interval(centre - radius, centre + radius)
    for share in (-1, -0.3, 0, 0.7, 1):
        logits = net(centre + share * radius)
        assert (lower <= logits).all()
        assert (logits <= upper).all()
    assert (upper - lower).max() < 0.05


def test_the_values_are_part_of_the_weights() -> None:
    assert network().state_dict()["output.values"].tolist() == [0, 0.5, 1]
    with pytest.raises(ValueError, match=r"values=\[0, 1\]: give a value for each of the 3 classes"):
        network(values=(0, 1))
    for values in ((0, 0, 1), (0, 1, float("nan"))):
        with pytest.raises(ValueError, match="all must be finite, and no two equal"):
            network(values=values)
