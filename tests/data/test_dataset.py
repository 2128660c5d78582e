from dataclasses import replace

import pytest
import torch

from bregman_exp.data import ClassificationData, Split, as_unit, subset
from bregman_exp.data.dataset import at_most, hold_out

from .expect import data_error


def numbered(n: int) -> Split:
    """Sample i has x = [i], y = i % 3 and the id 100 + i."""
    i = torch.arange(n)
    return Split(i[:, None].float(), i % 3, 100 + i)


def assert_belong_together(split: Split) -> None:
    assert torch.equal(split.x[:, 0].long() + 100, split.ids)
    assert torch.equal((split.ids - 100) % 3, split.y)


def small() -> ClassificationData:
    train, val, test = numbered(6), numbered(2), numbered(4)
    return ClassificationData("name", "source", ("a", "b", "c"), train, val, test, None, "label")


def test_as_unit_maps_bytes_onto_the_unit_interval_and_lets_floats_pass() -> None:
    unit = as_unit(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert unit.dtype == torch.float32
    assert unit.tolist() == [0, pytest.approx(0.2), 1]
    floats = torch.tensor([0.3, 7.0], dtype=torch.float64)
    assert as_unit(floats) is floats


def test_take_keeps_what_belongs_together() -> None:
    split = numbered(9).take(torch.tensor([7, 0, 3]))
    assert split.ids.tolist() == [107, 100, 103]
    assert_belong_together(split)


@pytest.mark.parametrize("n", [1, 7, 50])
def test_a_subset_has_n_different_samples_in_the_splits_order(n: int) -> None:
    part = subset(numbered(50), n, seed=3)
    assert len(part) == n
    assert part.ids.tolist() == sorted(set(part.ids.tolist()))
    assert_belong_together(part)


def test_a_subset_follows_from_its_seed_alone() -> None:
    torch.manual_seed(1)
    first, before = subset(numbered(50), 7, seed=3), torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(subset(numbered(50), 7, seed=3).ids, first.ids)
    assert not torch.equal(subset(numbered(50), 7, seed=4).ids, first.ids)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.ids.tolist() == [104, 108, 113, 132, 139, 140, 147]


def test_a_subset_is_drawn_evenly() -> None:
    counts = torch.zeros(10)
    for seed in range(1000):
        counts[subset(numbered(10), 3, seed).ids - 100] += 1
    assert (counts - 300).abs().max() < 60  # more than four standard deviations


@pytest.mark.parametrize("n", [0, -1, 6])
def test_a_subset_of_an_impossible_size_is_refused(n: int) -> None:
    with data_error(f"{n} samples", "1 to 5"):
        subset(numbered(5), n, seed=0)


@pytest.mark.parametrize("n_val", [1, 7, 19])
def test_hold_out_parts_the_split_in_two(n_val: int) -> None:
    train, val = hold_out(numbered(20), n_val)
    assert (len(train), len(val)) == (20 - n_val, n_val)
    assert sorted(train.ids.tolist() + val.ids.tolist()) == numbered(20).ids.tolist()
    for part in (train, val):
        assert part.ids.tolist() == sorted(part.ids.tolist())
        assert_belong_together(part)


def test_hold_out_is_always_the_same() -> None:
    torch.manual_seed(1)
    _, first = hold_out(numbered(20), 5)
    torch.manual_seed(2)
    assert torch.equal(hold_out(numbered(20), 5)[1].ids, first.ids)
    assert first.ids.tolist() == [104, 105, 107, 115, 118]


def test_a_smaller_validation_split_is_part_of_a_larger_one() -> None:
    small, large = (hold_out(numbered(20), n)[1].ids.tolist() for n in (4, 9))
    assert set(small) < set(large)


@pytest.mark.parametrize(
    ("n", "n_val"), [(2, 1), (19, 1), (1000, 100), (49_999, 4999), (50_000, 5000), (60_000, 5000)]
)
def test_a_tenth_is_held_out_and_at_most_5000(n: int, n_val: int) -> None:
    train, val = hold_out(numbered(n), None)
    assert (len(train), len(val)) == (n - n_val, n_val)
    assert torch.equal(val.ids, hold_out(numbered(n), n_val)[1].ids)


@pytest.mark.parametrize("n_val", [0, -1, 5, 6])
def test_hold_out_of_an_impossible_size_is_refused(n_val: int) -> None:
    with data_error(f"dataset.n_val={n_val}", "5 training samples", "1 to 4"):
        hold_out(numbered(5), n_val)


def test_the_fingerprint_is_of_the_content_alone() -> None:
    data = small()
    renamed = replace(data, name="n", source="s", label="l", normalize="cifar10")
    assert renamed.fingerprint == data.fingerprint
    assert data.fingerprint == "f6a3f491066466377416a432c59b9fe2b86b1be6f1389c6b2e18391545e4d522"
    strided = data.train.x.expand(6, 2).contiguous()[:, :1]  # other strides, the same values
    assert replace(data, train=replace(data.train, x=strided)).fingerprint == data.fingerprint


@pytest.mark.parametrize("name", ["train", "val", "test"])
@pytest.mark.parametrize("part", ["x", "y", "ids"])
def test_the_fingerprint_sees_every_value(name: str, part: str) -> None:
    data = small()
    tensor = getattr(getattr(data, name), part).clone()
    tensor[-1] += 1
    changed = replace(data, **{name: replace(getattr(data, name), **{part: tensor})})
    assert changed.fingerprint != data.fingerprint


def test_the_fingerprint_sees_classes_shapes_types_and_order() -> None:
    data, train = small(), small().train
    changes = [
        {"classes": ("a", "b", "d")},
        {"train": replace(train, x=train.x.view(3, 2))},
        {"train": replace(train, x=train.x.view(torch.int32))},
        {"train": train.take(torch.arange(5, -1, -1))},
        {"val": data.test, "test": data.val},
    ]
    assert len({data.fingerprint} | {replace(data, **change).fingerprint for change in changes}) == 6


def test_training_on_some_samples_is_always_on_the_same() -> None:
    split = numbered(20)
    assert at_most(split, None) is split
    some = at_most(split, 5)
    assert some.ids.tolist() == at_most(split, 5).ids.tolist() == sorted(set(some.ids.tolist()))
    assert len(some) == 5
    assert_belong_together(some)
    with data_error("21 samples"):
        at_most(split, 21)
