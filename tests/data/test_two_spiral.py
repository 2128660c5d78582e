import math

import pytest
import torch
from scipy.stats import ks_2samp, kstest

from bregman_exp.data import two_spiral

from .expect import data_error

SPLITS = ("train", "val", "test")
STEP = 2.0**-20  # of the coordinates' grid
SCALE = 5 * math.pi + 4


def arms(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The points in the spirals' own coordinates, those of class 1 reflected onto the arm of class 0."""
    return (2 * x.double() - 1) * SCALE * (1 - 2 * y)[:, None]


def test_sizes_classes_and_types() -> None:
    data = two_spiral(n_train=100, n_val=40, n_test=60)
    assert [len(getattr(data, name)) for name in SPLITS] == [100, 40, 60]
    assert (data.classes, data.num_classes, data.is_image, data.normalize) == (("0", "1"), 2, False, None)
    for name in SPLITS:
        split = getattr(data, name)
        assert split.x.shape == (len(split), 2)
        assert (split.x.dtype, split.y.dtype) == (torch.float32, torch.int64)
        assert split.y.bincount().tolist() == [len(split) / 2] * 2
        assert split.ids.tolist() == list(range(len(split)))


@pytest.mark.parametrize("noise", [0.0, 1.0, 50.0])
def test_coordinates_lie_on_the_grid_in_the_unit_interval(noise: float) -> None:
    x = two_spiral(noise=noise).train.x
    assert torch.equal(x / STEP, (x / STEP).round())
    assert x.min() >= 0
    assert x.max() <= 1
    assert ((x == 0) | (x == 1)).any() == (noise == 50.0)  # only far outliers are held back


@pytest.mark.parametrize("name", SPLITS)
def test_without_noise_every_point_lies_on_its_arm(name: str) -> None:
    split = getattr(two_spiral(4000, 4000, 4000, noise=0), name)
    points = arms(split.x, split.y)
    radius = points.norm(dim=1)
    theta = (radius - math.pi) / 2
    on_arm = torch.stack([radius * theta.cos(), radius * theta.sin()], dim=1)
    assert (points - on_arm).abs().max() / (2 * SCALE) < 8 * STEP  # a grid step in r is up to 6 along the arm
    assert kstest((theta / (2 * math.pi)) ** 2, "uniform").pvalue > 0.01  # U


def test_the_noise_is_gaussian_with_its_standard_deviation_in_each_coordinate() -> None:
    noisy, clean = two_spiral(10_000, noise=0.5).train, two_spiral(10_000, noise=0).train
    noise = 2 * SCALE * (noisy.x.double() - clean.x.double())
    for coordinate in noise.T:
        assert kstest(coordinate / 0.5, "norm").pvalue > 0.01
    assert abs(torch.corrcoef(noise.T)[0, 1]) < 0.05


def test_the_arms_are_point_symmetric_about_the_centre() -> None:
    split = two_spiral(20_000).train
    zero, one = split.x[split.y == 0], split.x[split.y == 1]
    for k in range(2):
        assert ks_2samp(zero[:, k], 1 - one[:, k]).pvalue > 0.01
        assert ks_2samp(zero[:, k], one[:, k]).pvalue < 1e-6  # the test would notice


def test_the_same_seed_gives_the_same_data_and_another_seed_others() -> None:
    assert two_spiral(seed=3).fingerprint == two_spiral(seed=3).fingerprint
    assert two_spiral(seed=3).fingerprint != two_spiral(seed=4).fingerprint


def test_the_default_data_are_those_of_every_platform_and_version() -> None:
    data = two_spiral()
    assert (data.train.x[:2] / STEP).tolist() == [[630799, 213638], [838220, 575047]]
    assert data.fingerprint == "8cc214cf2db47c14b91c2d3808823a030f61e7bde86c3e184291b619bc5bf210"


def test_the_splits_have_no_point_in_common_and_do_not_depend_on_each_others_size() -> None:
    data = two_spiral(n_train=600, n_val=500, n_test=400)
    points = torch.cat([getattr(data, name).x for name in SPLITS])
    assert len(points.unique(dim=0)) == 1500
    assert torch.equal(data.val.x, two_spiral(n_train=10, n_val=500).val.x)


def test_the_global_random_state_plays_no_part() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    two_spiral()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("n", [0, 1, 3, -2])
@pytest.mark.parametrize("name", ["n_train", "n_val", "n_test"])
def test_an_odd_or_too_small_number_of_samples_is_refused(name: str, n: int) -> None:
    with data_error(f"dataset.{name}={n}", "even number"):
        two_spiral(**{name: n})


@pytest.mark.parametrize("noise", [-0.1, math.inf, math.nan])
def test_a_noise_that_is_no_standard_deviation_is_refused(noise: float) -> None:
    with data_error(f"dataset.noise={noise}", "≥ 0"):
        two_spiral(noise=noise)


def test_a_negative_seed_is_refused() -> None:
    with data_error("dataset.seed=-1", "≥ 0"):
        two_spiral(seed=-1)
