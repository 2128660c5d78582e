from collections.abc import Callable

import pytest
import torch
from scipy.stats import kstest

from bregman_exp.data import ClassificationData, circle, hill, twin_hills

from .expect import data_error

SPLITS = ("train", "val", "test")
STEP = 2.0**-20  # of the coordinates' grid
TOYS = {circle: 2, hill: 2, twin_hills: 3}  # -> classes
Toy = Callable[..., ClassificationData]
every_toy = pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.__name__)


@every_toy
def test_sizes_classes_and_types(toy: Toy) -> None:
    data = toy(n_train=90, n_val=40, n_test=60)
    assert (data.name, data.source, data.is_image) == (toy.__name__, "generated", False)
    assert data.classes == tuple("012"[: TOYS[toy]])
    for name, n in zip(SPLITS, (90, 40, 60), strict=True):
        split = getattr(data, name)
        assert split.x.shape == (n, 2 if toy is circle else 1)
        assert (split.x.dtype, split.y.dtype) == (torch.float32, torch.int64)
        assert split.ids.tolist() == list(range(n))
        assert torch.equal(split.x / STEP, (split.x / STEP).round())
        assert split.x.min() >= 0
        assert split.x.max() <= 1


def test_rings() -> None:
    split = circle(20_000).train
    points = 2 * split.x.double() - 1
    radius, angle = points.norm(dim=1), torch.atan2(points[:, 1], points[:, 0])
    assert split.y.bincount().tolist() == [10_000, 10_000]
    for label, inner in ((0, 0.7), (1, 0.1)):
        own = split.y == label
        assert kstest((radius[own] - inner) / 0.2, "uniform").pvalue > 0.01
        assert kstest((angle[own] + torch.pi) / (2 * torch.pi), "uniform").pvalue > 0.01


@pytest.mark.parametrize(("toy", "borders"), [(hill, [1 / 2]), (twin_hills, [1 / 3, 2 / 3])])
def test_steps(toy: Toy, borders: list[float]) -> None:
    split = toy(20_000).train
    x = split.x[:, 0].double()
    assert kstest(x, "uniform").pvalue > 0.01
    assert torch.equal(split.y, sum((x >= border).long() for border in borders))


@pytest.mark.parametrize(
    ("toy", "digest"), [(circle, "a3c5c381"), (hill, "5f79c695"), (twin_hills, "30598d4d")]
)
def test_the_default_data_are_those_of_every_platform_and_version(toy: Toy, digest: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert toy().fingerprint[:8] == digest
    assert torch.equal(torch.get_rng_state(), before)
    assert toy(seed=1).fingerprint[:8] != digest


@every_toy
def test_splits_are_independent(toy: Toy) -> None:
    data = toy(n_train=200, n_val=200, n_test=200)
    assert len(torch.cat([getattr(data, name).x for name in SPLITS]).unique(dim=0)) > 590
    assert torch.equal(data.val.x, toy(n_train=2, n_val=200).val.x)


@every_toy
def test_what_is_refused(toy: Toy) -> None:
    with data_error("dataset.n_val=1", "≥ 2"):
        toy(n_val=1)
    with data_error("dataset.seed=-1", "≥ 0"):
        toy(seed=-1)
