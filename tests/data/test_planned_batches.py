"""The batches that a device can make by itself are the loader's, bit for bit."""

import pytest
import torch

from bregman_exp.data import Augmentation, EpochLoader, PaddedImages, PlannedBatches, Split

CPU = torch.device("cpu")


def pictures(n: int) -> Split:
    x = torch.randint(0, 256, (n, 3, 7, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Split(x, torch.arange(n), torch.arange(n))


@pytest.mark.parametrize("augment", [Augmentation(), Augmentation(flip=False), None])
@pytest.mark.parametrize("seed", [0, 3])
def test_planned_batches_are_the_loaders(augment: Augmentation | None, seed: int) -> None:
    split = pictures(23)
    loader = EpochLoader(split, 5, shuffle=True, augment=augment, seed=seed)
    planned = PlannedBatches(PaddedImages(split, CPU), 5, augment=augment, seed=seed)
    assert planned.sizes == [5, 5, 5, 5, 3]
    seen = []
    for epoch in (2, 0):  # in any order
        planned.begin(epoch)
        start = 0
        for x, y in loader(epoch, CPU, 0, 1):
            its_x, its_y = planned.at(start + torch.arange(len(y)))
            assert torch.equal(its_x, x)
            assert torch.equal(its_y, y)
            assert its_x.stride() == x.stride()  # or a convolution would add up in another order
            start += len(y)
            seen.append(x)
    assert start == 23
    assert not torch.equal(seen[0], seen[5])  # epochs differ


def test_an_epochs_tensors_stay_where_they_are() -> None:
    """A captured step reads from fixed addresses."""
    planned = PlannedBatches(PaddedImages(pictures(9), CPU), 4, augment=Augmentation(), seed=0)
    held = (planned.sample, planned.top, planned.left, planned.flipped)
    before = [tensor.data_ptr() for tensor in held]
    planned.begin(0)
    assert (planned.top != 4).any()
    assert planned.flipped.any()
    planned.begin(1)
    assert [tensor.data_ptr() for tensor in held] == before
