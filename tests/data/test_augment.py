import pytest
import torch

from bregman_exp.data import random_crop_flip
from bregman_exp.keyed_random import generator


def one_by_one(x: torch.Tensor, random: torch.Generator, padding: int, flip: bool) -> torch.Tensor:
    """Pad, crop, flip: each image for itself."""
    n, channels, height, width = x.shape
    down, right = torch.randint(0, 2 * padding + 1, (2, n), generator=random).tolist()
    flipped = (torch.rand(n, generator=random) < 0.5).tolist() if flip else [False] * n
    images = []
    for i in range(n):
        canvas = torch.zeros(channels, height + 2 * padding, width + 2 * padding, dtype=x.dtype)
        canvas[:, padding : padding + height, padding : padding + width] = x[i]
        image = canvas[:, down[i] : down[i] + height, right[i] : right[i] + width]
        images.append(image.flip(2) if flipped[i] else image)
    return torch.stack(images)


def images(n: int, dtype: torch.dtype = torch.uint8, height: int = 7, width: int = 10) -> torch.Tensor:
    return torch.randint(1, 256, (n, 3, height, width), generator=generator(0, "test")).to(dtype)


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_equals_pad_crop_flip_of_each_image_for_itself(dtype: torch.dtype, padding: int, flip: bool) -> None:
    x = images(40, dtype)
    augmented = random_crop_flip(x, generator(1, "augment"), padding, flip)
    assert augmented.dtype == dtype
    assert torch.equal(augmented, one_by_one(x, generator(1, "augment"), padding, flip))


def test_every_offset_occurs_and_half_of_the_images_are_flipped() -> None:
    image = torch.arange(1, 82, dtype=torch.uint8).view(1, 1, 9, 9)  # the central pixel tells the offset
    augmented = random_crop_flip(image.expand(4000, 1, 9, 9), generator(0, "augment"))[:, 0].long()
    centre, left, right = augmented[:, 4, 4], augmented[:, 4, 3], augmented[:, 4, 5]
    assert centre.unique().tolist() == list(range(1, 82))
    unflipped = (right == centre + 1) | (left == centre - 1)
    assert 0.47 < unflipped.float().mean() < 0.53
    for flipped in (False, True):  # the flip does not depend on the offset
        assert len(centre[unflipped != flipped].unique()) > 75


def test_without_flip_no_image_is_flipped() -> None:
    image = torch.arange(1, 82, dtype=torch.uint8).view(1, 1, 9, 9)
    augmented = random_crop_flip(image.expand(500, 1, 9, 9), generator(0, "augment"), flip=False)[:, 0].long()
    centre, left, right = augmented[:, 4, 4], augmented[:, 4, 3], augmented[:, 4, 5]
    assert ((right == centre + 1) | (left == centre - 1)).all()


def test_the_random_numbers_are_the_generators_alone() -> None:
    x = images(20)
    torch.manual_seed(1)
    first = random_crop_flip(x, generator(0, "augment"))
    torch.manual_seed(2)
    assert torch.equal(random_crop_flip(x, generator(0, "augment")), first)
    random = generator(0, "augment")
    random_crop_flip(x, random)
    assert not torch.equal(random_crop_flip(x, random), first)  # the next batch has its own numbers


def test_the_input_stays_as_it_was() -> None:
    x = images(20)
    before = x.clone()
    random_crop_flip(x, generator(0, "augment"))
    assert torch.equal(x, before)
