import numpy as np
import pytest
import torch
from torch import nn

from bregman_exp.robustness import AttackSpec, evaluate, robust_accuracy

from .reference import Function, tiny_mlp

X, Y = torch.full((4, 2), 0.5), torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"attack": "ddos"}, r"attack='ddos' is unknown; use one of .*fgsm, fgm, pgd, suite"),
        ({"norm": "l1"}, r"norm='l1' is unknown; use one of linf, l2"),
        ({"attack": "fgsm", "norm": "l2"}, r"attack=fgsm cannot do norm=l2; it does linf"),
        ({"attack": "fgm", "norm": "linf"}, r"attack=fgm cannot do norm=linf; it does l2"),
        ({"eps": -0.1}, r"eps=-0.1 is not allowed; give a size in \[0, 1\]"),
        ({"eps": 1.5}, r"eps=1.5 is not allowed"),
        ({"eps": float("nan")}, r"eps=nan is not allowed"),
        ({"eps": "a"}, r"eps='a' is not a number; give a number in \[0, 1\]"),
        ({"eps": None}, r"eps=None is not a number"),
        ({"steps": 0}, r"steps=0: it must be a whole number ≥ 1"),
        ({"steps": 2.5}, r"steps=2.5: it must be a whole number ≥ 1"),
        ({"restarts": 0}, r"restarts=0: it must be a whole number ≥ 1"),
        ({"rel_step": 0}, r"rel_step=0: the step over ε must lie in \(0, 2\]"),
        ({"rel_step": 3}, r"rel_step=3: the step over ε must lie in \(0, 2\]"),
        ({"loss": "mse"}, r"loss='mse' is unknown; use one of ce, margin"),
        ({"attack": "torchattacks"}, r"attack=torchattacks needs cls"),
        (
            {"attack": "torchattacks", "cls": "Nope"},
            r"torchattacks has no attack cls='Nope'; it has .*DeepFool.*FGSM.*PGD.*PGDL2",
        ),
        (
            {"attack": "torchattacks", "cls": "PGD", "parameters": {"step": 3}},
            r"torchattacks.PGD has no parameter 'step'; it has alpha, steps, random_start",
        ),
        (
            {"attack": "torchattacks", "cls": "PGD", "parameters": {"eps": 0.3}},
            r"torchattacks.PGD has no parameter 'eps'; .*eps and norm come from the entry",
        ),
        (
            {"attack": "torchattacks", "cls": "PGD", "norm": "l2"},
            r"torchattacks.PGD cannot do norm=l2; it does linf",
        ),
        ({"attack": "torchattacks", "cls": "PGDL2"}, r"torchattacks.PGDL2 cannot do norm=linf; it does l2"),
        ({"attack": "torchattacks", "cls": "CW"}, r"torchattacks.CW cannot do norm=linf; it does l2"),
    ],
)
def test_settings_of_an_attack(settings: dict, sentence: str) -> None:
    settings = {"attack": "pgd", "norm": "linf", "eps": 0.1} | settings
    with pytest.raises(ValueError, match=sentence):
        AttackSpec.of(**settings)
    with pytest.raises(ValueError, match=sentence):
        robust_accuracy(tiny_mlp(), X, Y, **settings)


def test_a_torchattacks_class_with_a_norm_does_both() -> None:
    for norm in ("linf", "l2"):
        assert AttackSpec.of("torchattacks", norm, 0.1, cls="APGD").norm == norm


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X + 0.6, Y, r"inputs lie in \[1.1, 1.1\]; give uint8 images or floats in \[0, 1\]"),
        (X - 0.6, Y, r"inputs lie in \[-0.1, -0.1\]"),
        (X * float("nan"), Y, r"inputs lie in \[nan, nan\]"),
        (torch.full((4, 2), 255), Y, r"inputs lie in \[255, 255\]; give uint8 images"),
        (X[:0], Y[:0], r"0 inputs with 0 labels: give the same number of each, at least 1"),
        (X, Y[:3], r"4 inputs with 3 labels"),
        (X, Y + 1, r"labels lie in 1 … 3; the model has 3 classes"),
        (X, Y - 1, r"labels lie in -1 … 1; the model has 3 classes"),
        (X, Y[:, None], r"labels are torch.int64 of shape \(4, 1\); give whole numbers of shape \(N,\)"),
        (X, Y.float(), r"labels are torch.float32 of shape \(4,\)"),
    ],
)
def test_samples(x: torch.Tensor, y: torch.Tensor, sentence: str) -> None:
    for specs in ([], [AttackSpec.of("fgsm", "linf", 0.1)]):
        with pytest.raises(ValueError, match=sentence):
            evaluate(tiny_mlp(), x, y, specs)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_labels_of_any_whole_type(dtype: torch.dtype, loss: str) -> None:
    model, x = tiny_mlp(), torch.rand(30, 2)
    y = model(x).argmax(1)
    expected = robust_accuracy(model, x, y, "pgd", "linf", 0.1, loss=loss, steps=3)
    found = robust_accuracy(model, x, y.to(dtype), "pgd", "linf", 0.1, loss=loss, steps=3)
    assert torch.equal(found.survivors, expected.survivors)


def test_batch_size() -> None:
    with pytest.raises(ValueError, match="batch_size=0: it must be ≥ 1"):
        robust_accuracy(tiny_mlp(), X, Y, batch_size=0)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Linear(2, 1), r"\(4, 1\)"),
        (nn.Unflatten(1, (2, 1)), r"\(4, 2, 1\)"),
        (nn.Flatten(0), r"\(8,\)"),
        (Function(lambda x: x.sum()).f, r"\(\)"),
        (Function(lambda x: x[:, 0]).f, r"\(4,\)"),
    ],
)
def test_outputs_that_are_no_logits(model, shape: str) -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return model(x)

    with pytest.raises(
        ValueError, match=rf"the model returns {shape} for 4 inputs; it must return \(N, K ≥ 2\)"
    ):
        evaluate(Model(), X, Y, [])


def test_a_setting_that_does_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="attack=fgsm has no setting steps; it has loss"):
        AttackSpec.of("fgsm", "linf", 0.1, steps=3)
    with pytest.raises(ValueError, match="attack=autoattack has no setting loss; its settings are fixed"):
        AttackSpec.of("autoattack", "linf", 0.1, loss="margin")


class Gives(nn.Module):
    """A classifier that gives what a function makes of its logits."""

    def __init__(self, made) -> None:
        super().__init__()
        self.net, self.made = tiny_mlp(), made

    def forward(self, x: torch.Tensor):
        return self.made(self.net(x))


@pytest.mark.parametrize(
    ("net", "x", "y", "sentence"),
    [
        (tiny_mlp(), X.tolist(), Y, r"images are a list; give a tensor or a NumPy array of numbers\."),
        (tiny_mlp(), X, Y.tolist(), r"labels are a list; give a tensor or a NumPy array"),
        (tiny_mlp(), None, Y, r"images are a NoneType"),
        (tiny_mlp(), np.array(["a"] * 4), Y, r"images are a ndarray"),
        (3, X, Y, r"net is a int; it must be a torch.nn.Module or a function of images"),
        (nn.Linear, X, Y, r"net is a type; it must be a torch.nn.Module or a function of images"),
        (tiny_mlp(), X, None, r"labels are missing; give them, or a DataLoader or a data set"),
        (Gives(lambda logits: (logits, 1)), X, Y, r"the model returns a tuple; it must return only"),
        (Gives(lambda logits: {"out": logits}), X, Y, r"the model returns a dict; it must return only"),
        (nn.Conv2d(3, 4, 3), torch.rand(4, 8, 8, 3), Y, r"the model cannot take inputs of shape "
         r"\(4, 8, 8, 3\) \(.*3 channels.*\); images are \(N, channels, height, width\)\."),
        (tiny_mlp(), torch.rand(4, 5), Y, r"the model cannot take inputs of shape \(4, 5\) \(.*\)\."),
    ],
)  # fmt: skip
def test_what_is_no_model_or_no_tensor_is_told_in_one_sentence(net, x, y, sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}"):
        robust_accuracy(net, x, y)


def test_a_setting_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValueError, match=r"attack=pgd has no setting step; it has .*steps, rel_step"):
        robust_accuracy(tiny_mlp(), X, Y, step=3)


def test_arrays_are_as_good_as_tensors() -> None:
    net = tiny_mlp()
    report = robust_accuracy(net, X.numpy(), Y.numpy(), eps=0.1)
    assert report.correct == robust_accuracy(net, X, Y, eps=0.1).correct
