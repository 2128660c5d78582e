"""A network is a plain nn.Module: other people's programs take it as it is."""

from pathlib import Path

import pytest
import torch
from torch import nn

import bregman_exp as bx
from bregman_exp.zoo import generated_sample, pretrained

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


@pytest.mark.filterwarnings("ignore")  # of the exporter's own
@pytest.mark.parametrize("name", [pytest.param("bregman_resnet20", marks=pytest.mark.slow), "bregman_mlp"])
def test_onnx(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    net, images = NETS[name]().eval(), torch.rand(5, 3, 32, 32)
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.onnx.export(net, (images[:2],), dynamo=True, dynamic_shapes=({0: batch},))
    assert exported is not None
    exported.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (logits,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), net(images), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_robustbench(monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs the registry's robustbench, whose place in our environment torchattacks' old copy takes."""
    evaluation = pytest.importorskip("robustbench.eval", exc_type=ImportError)
    if not hasattr(evaluation, "benchmark"):
        pytest.skip("this robustbench is torchattacks' copy, which has no benchmark()")
    net = pretrained("resnet20").net
    images = generated_sample((3, 32, 32))
    labels = net(images).argmax(dim=1)
    monkeypatch.setattr(evaluation, "load_clean_dataset", lambda *_: (images, labels))
    clean, robust = evaluation.benchmark(net, n_examples=len(images), eps=0.5 / 255, threat_model="Linf")
    ours = bx.robust_accuracy(net, images, labels, attack="autoattack", norm="linf", eps=0.5 / 255)
    assert clean == 1.0
    assert robust == pytest.approx(ours.accuracy, abs=1e-6)
    assert 0 < robust < 1
