import numpy as np
import pytest
import torch

from bregman_exp.keyed_random import generator


def draws(seed: int, stream: str, *counters: int) -> list[int]:
    return torch.randint(2**60, (4,), generator=generator(seed, stream, *counters)).tolist()


def test_the_same_key_gives_the_same_numbers() -> None:
    assert draws(3, "shuffle", 1, 2) == draws(3, "shuffle", 1, 2)


@pytest.mark.parametrize(
    "other",
    [
        (4, "shuffle", 1, 2),
        (31, "shuffle", 2),
        (-3, "shuffle", 1, 2),
        (3, "augment", 1, 2),
        (3, "shuffle, 1, 2"),
        (3, "shuffle"),
        (3, "shuffle", 1),
        (3, "shuffle", 12),
        (3, "shuffle", 1, 3),
        (3, "shuffle", 2, 1),
    ],
)
def test_any_other_key_gives_other_numbers(other: tuple) -> None:
    assert not set(draws(*other)) & set(draws(3, "shuffle", 1, 2))


def test_integers_of_numpy_and_torch_count_as_their_value() -> None:
    assert draws(np.int64(3), "shuffle", torch.tensor(1), np.int32(2)) == draws(3, "shuffle", 1, 2)


def test_the_global_state_neither_matters_nor_changes() -> None:
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), draws(0, "shuffle")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert draws(0, "shuffle") == first


def test_two_generators_of_one_key_do_not_share_a_state() -> None:
    first = generator(0, "shuffle")
    torch.rand(10, generator=first)
    assert torch.rand(1, generator=first) != torch.rand(1, generator=generator(0, "shuffle"))


def test_the_numbers_are_those_of_every_platform_and_version() -> None:
    random = generator(0, "shuffle", 3)
    assert random.initial_seed() == 5633345909954357856
    assert torch.randperm(8, generator=random).tolist() == [0, 2, 7, 1, 3, 5, 6, 4]
    assert torch.rand(2, generator=random).tolist() == [0.19335418939590454, 0.7806950211524963]
