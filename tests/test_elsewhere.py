"""A network is a plain nn.Module: other people's programs take it as it is."""

import pytest
import torch
from torch import nn

import bregman_exp as bx

NETS = {
    "bregman_resnet20": lambda: bx.resnet(20, act="softplus", version="bregman"),
    "resnet18": lambda: bx.resnet(18, act="relu", version="standard", stem="cifar"),
    "bregman_mlp": lambda: bx.mlp(
        [8, 8], act="tanh", version="bregman", in_features=3 * 32**2, num_classes=10
    ),
}


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return NETS[request.param]().eval()


def test_torch_export(net: nn.Module) -> None:
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.export.export(net, (torch.rand(2, 3, 32, 32),), dynamic_shapes=({0: batch},))
    images = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(exported.module()(images), net(images), rtol=0, atol=1e-6)


def test_the_authors_autoattack(net: nn.Module) -> None:
    from pyautoattack import AutoAttack

    images = torch.rand(8, 3, 32, 32)
    labels = net(images).argmax(dim=1)
    attack = AutoAttack(net, norm="Linf", eps=0.1, version="custom", attacks=["apgd-ce"])
    attack.apgd.n_iter = 5
    found, _ = attack.run_standard_evaluation(images, labels, batch_size=8)
    assert (found - images).abs().max() <= 0.1 + 1e-6
    assert (net(found).argmax(dim=1) != labels).any()
