"""The state of a model is compared without following foreign objects, or their errors, for ever."""

from collections.abc import Iterator
from typing import Any

import pytest
from torch import nn

from bregman_exp.robustness import AttackSpec, evaluate
from bregman_exp.robustness import fingerprint as module
from bregman_exp.robustness.fingerprint import fingerprint

from .reference import labelled, named, tiny_mlp


class Unready(Iterator):
    """Like a loader that was not begun."""

    def __init__(self) -> None:
        self.held = 1

    def __next__(self) -> int:
        raise RuntimeError("call iter first")

    def __len__(self) -> int:
        raise RuntimeError("call iter first")

    __length_hint__ = __len__

    def __repr__(self) -> str:
        raise RuntimeError("call iter first")


class Trainer:
    """It changes whenever it is looked at."""

    looks = 0

    @property
    def __dict__(self) -> dict[str, Any]:  # pyright: ignore
        Trainer.looks += 1
        return {"looks": self.looks}


def model_with(**attributes: Any) -> nn.Module:
    model = tiny_mlp()
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def test_a_foreign_object_raises_nothing() -> None:
    model = model_with(loader=Unready(), loaders={Unready(), Unready()})
    x, y = labelled(model, 10, 2)
    evaluation = evaluate(model, x, y, [AttackSpec.of("fgsm", "linf", 0.1)])
    assert named(evaluation.checks, "state-unchanged")[0].status == "passed"
    before = fingerprint(model)
    model.loader.held = 2
    assert {name for name, value in fingerprint(model).items() if value != before[name]} == {"loader"}


@pytest.mark.parametrize("library", ["pytorch_lightning", "lightning_fabric", "lightning"])
def test_what_comes_from_lightning_is_not_followed(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    model = model_with(_trainer=Trainer())
    assert fingerprint(model) != fingerprint(model)
    monkeypatch.setattr(Trainer, "__module__", f"{library}.trainer.trainer")
    assert fingerprint(model) == fingerprint(model)


def test_so_many_values_are_looked_at_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VALUES", 100)
    model = model_with(large=[[Trainer() for _ in range(50)] for _ in range(50)], calls=0)
    Trainer.looks = 0
    before = fingerprint(model)
    assert 0 < Trainer.looks <= 2 * 100  # whether it has attributes, and which
    model.calls = 1
    assert fingerprint(model)["calls"] != before["calls"]


def test_a_ring_and_a_shared_value_are_followed_once() -> None:
    ring: list = [1]
    ring.append(ring)
    model = model_with(first=ring, second=ring)
    before = fingerprint(model)
    ring[0] = 2
    assert {name for name, value in fingerprint(model).items() if value != before[name]} == {"first"}
