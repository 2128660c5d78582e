from collections.abc import Iterator

import pytest
import torch

from bregman_exp.robustness import ATTACKS
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.threat import Norm


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """The models are tiny: threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def few_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The searches without gradients get 300 queries instead of 5000: most of the time of a suite."""
    for place in ("autoattack_members", "random_search"):
        monkeypatch.setattr(f"bregman_exp.robustness.attacks.{place}.QUERIES", 300)


@pytest.fixture
def short_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoAttack's members with 10 steps instead of 100, and 3 target classes instead of 9."""
    for name in ("autoattack", "autoattack-lt4", "apgd-ce", "apgd-margin", "apgd-t", "fab", "fab-t"):
        monkeypatch.setattr(ATTACKS[name], "steps", 10)
        monkeypatch.setattr(ATTACKS[name], "targets", 3)


@pytest.fixture
def small_default_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGD and a search instead of the six or seven members of a suite that names none."""

    def members(norm: Norm, classes: int, images: bool) -> list[Attack]:
        return [PGD(), ATTACKS["square" if images else "random_search"]()]

    monkeypatch.setattr("bregman_exp.robustness.attacks.suite.default_members", members)
