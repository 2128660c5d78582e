from collections.abc import Iterator

import pytest
import torch


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
