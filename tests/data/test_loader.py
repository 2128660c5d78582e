import pytest
import torch

from bregman_exp.data import Augmentation, DeviceLoader, EpochLoader, Split, random_crop_flip
from bregman_exp.keyed_random import generator

from .expect import data_error

CPU = torch.device("cpu")


def points(n: int) -> Split:
    """y tells the place of the sample."""
    return Split(torch.arange(n)[:, None] / n, torch.arange(n), torch.arange(n))


def pictures(n: int) -> Split:
    x = torch.randint(0, 256, (n, 3, 6, 6), dtype=torch.uint8, generator=generator(0, "test"))
    x[0, 0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    return Split(x, torch.arange(n), torch.arange(n))


def loader(split: Split, batch_size: int = 8, **settings) -> DeviceLoader:
    usual = {"shuffle": True, "augment": None, "seed": 0, "epoch": 0}
    return DeviceLoader(split, batch_size, **usual | settings)


def order(batches: DeviceLoader) -> list[int]:
    return torch.cat([y for _, y in batches]).tolist()


def test_without_shuffle_the_order_is_the_splits_own() -> None:
    assert order(loader(points(30), shuffle=False)) == list(range(30))


@pytest.mark.parametrize("n", [1, 7, 8, 9, 30])
def test_an_epoch_has_every_sample_once(n: int) -> None:
    assert sorted(order(loader(points(n)))) == list(range(n))


@pytest.mark.parametrize(("n", "sizes"), [(7, [7]), (8, [8]), (9, [8, 1]), (24, [8, 8, 8])])
def test_the_length_is_the_number_of_batches(n: int, sizes: list[int]) -> None:
    batches = loader(points(n))
    assert [len(y) for _, y in batches] == sizes
    assert len(batches) == len(sizes)


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    batches = loader(points(100), seed=3, epoch=5)
    first = order(batches)
    assert order(batches) == first  # once more
    torch.manual_seed(2)
    order(loader(points(100), seed=3, epoch=4))
    assert order(loader(points(100), batch_size=13, seed=3, epoch=5)) == first
    assert order(loader(points(100), seed=3, epoch=6)) != first
    assert order(loader(points(100), seed=4, epoch=5)) != first
    assert first != sorted(first)


def test_the_order_is_that_of_every_platform_and_version() -> None:
    assert order(loader(points(8), seed=0, epoch=3)) == [0, 2, 7, 1, 3, 5, 6, 4]


def test_x_and_y_belong_together() -> None:
    for x, y in loader(points(30)):
        torch.testing.assert_close(x[:, 0], y / 30)


def test_bytes_become_floats_in_the_unit_interval() -> None:
    split = pictures(20)
    x = torch.cat([x for x, _ in loader(split, shuffle=False)])
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (0, 1)
    assert torch.equal((x * 255).round().to(torch.uint8), split.x)


def test_augmentation_follows_from_seed_epoch_and_rank() -> None:
    def augmented(**settings) -> torch.Tensor:
        return torch.cat(
            [x for x, _ in loader(pictures(20), shuffle=False, augment=Augmentation(), **settings)]
        )

    random = generator(3, "augment", 5, 0)
    expected = [random_crop_flip(x, random).float() / 255 for x in pictures(20).x.split(8)]
    assert torch.equal(augmented(seed=3, epoch=5), torch.cat(expected))
    assert not torch.equal(augmented(seed=3, epoch=6), torch.cat(expected))
    assert not torch.equal(augmented(seed=4, epoch=5), torch.cat(expected))


def test_the_split_stays_as_it_was() -> None:
    split, before = pictures(20), pictures(20)
    for x, _ in loader(split, augment=Augmentation()):
        x.zero_()
    for x, _ in loader(split):
        x.zero_()
    assert torch.equal(split.x, before.x)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("n", "world_size"), [(24, 2), (25, 2), (29, 3), (31, 8), (4, 4)])
def test_ranks_are_disjoint_and_equally_long(n: int, world_size: int, shuffle: bool) -> None:
    whole = order(loader(points(n), shuffle=shuffle))
    ranks = [
        loader(points(n), 2, shuffle=shuffle, rank=rank, world_size=world_size) for rank in range(world_size)
    ]
    share = n // world_size
    assert [order(rank) for rank in ranks] == [
        whole[r : share * world_size : world_size] for r in range(world_size)
    ]
    assert {len(order(rank)) for rank in ranks} == {share}
    assert len(set().union(*map(order, ranks))) == share * world_size
    assert {len(rank) for rank in ranks} == {len(list(ranks[0]))}


def test_ranks_augment_differently() -> None:
    split = pictures(20)
    same = Split(split.x[:1].expand(20, 3, 6, 6), split.y, split.ids)  # one picture, many times
    first, second = (loader(same, 10, augment=Augmentation(), rank=rank, world_size=2) for rank in range(2))
    assert not torch.equal(next(iter(first))[0], next(iter(second))[0])


@pytest.mark.parametrize("n", [64, 70])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_the_ranks_of_an_epoch_loader_share_the_whole_batch(world_size: int, n: int) -> None:
    epoch_loader = EpochLoader(points(n), 16, shuffle=True, augment=None, seed=3)
    whole = order(loader(points(n), seed=3, epoch=7))
    ranks = [list(epoch_loader(7, CPU, rank, world_size)) for rank in range(world_size)]
    for step in range(4):
        parts = [rank[step][1].tolist() for rank in ranks]
        assert {len(part) for part in parts} == {16 // world_size}
        assert set().union(*parts) == set(whole[16 * step : 16 * step + 16])


def test_an_epoch_loader_passes_its_settings_on() -> None:
    plain = EpochLoader(pictures(9), 4, shuffle=False, augment=None, seed=3)(2, CPU, 0, 1)
    assert order(plain) == list(range(9))
    augmented = EpochLoader(pictures(9), 4, shuffle=True, augment=Augmentation(), seed=3)(2, CPU, 0, 1)
    expected = loader(pictures(9), 4, augment=Augmentation(), seed=3, epoch=2)
    for (x, y), (expected_x, expected_y) in zip(augmented, expected, strict=True):
        assert torch.equal(x, expected_x)
        assert torch.equal(y, expected_y)


def test_an_empty_batch_is_refused() -> None:
    with data_error("batch_size=0", "≥ 1"):
        loader(points(4), 0)
    with data_error("batch_size=0", "≥ 1"):
        EpochLoader(points(4), 1, shuffle=True, augment=None, seed=0)(0, CPU, 0, 2)


def test_fewer_samples_than_ranks_are_refused() -> None:
    with data_error("3 samples", "4 ranks"):
        loader(points(3), world_size=4)
