"""bregman models: the list of all models with their sizes."""

import pytest
import torch
from rich.console import Console

from bregman_exp.cli import model_list as models
from bregman_exp.cli.run_summary import multiply_adds


@pytest.mark.parametrize(
    ("name", "parameters", "adds"),  # published for torchvision's networks: 1.81 and 4.09 · 10⁹ multiply-adds
    [("resnet18", 11_689_512, 1_814_073_344), ("resnet50", 25_557_032, 4_089_184_256)],
)
@pytest.mark.parametrize("version", ["", "bregman_"])
def test_sizes(name: str, parameters: int, adds: int, version: str) -> None:
    net = models.network_without_weights(models.composed(f"model={version}{name}"), (3, 224, 224), 1000)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert multiply_adds(net, torch.zeros(1, 3, 224, 224, device="meta")) == adds


def test_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(models, "standard_models", lambda: ["mlp", "resnet20"])
    Console(width=100).print(models.model_list(32, 10))
    lines = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert ["mlp", "2", "2", "24", "16"] in lines
    assert ["resnet20", "3×32×32", "10", "269,722", "40,551,040"] in lines
    with pytest.raises(ValueError, match="--image 4 --classes 10: use 8 pixels or more"):
        models.model_list(4, 10)


def test_the_standard_models_are_all_of_them() -> None:
    names = models.standard_models()
    assert names[:6] == ["mlp", "resnet18", "resnet20", "resnet32", "resnet34", "resnet44"]
    assert len(names) == 16
