"""Which first layer a ResNet of the ImageNet family gets: by the size of the images."""

import pytest

from bregman_exp import build
from tests.config.test_config import composed


@pytest.mark.parametrize(
    ("words", "pixels", "stem"),
    [
        (("model=resnet18",), 32, "cifar"),
        (("model=resnet18",), 64, "cifar"),
        (("model=bregman_resnet50",), 65, "imagenet"),
        (("model=resnet18", "model.stem=imagenet"), 32, "imagenet"),
        (("model=resnet18", "model.stem=cifar"), 224, "cifar"),
        (("model=resnet20",), 224, None),
    ],
)
def test_the_stem(words: tuple[str, ...], pixels: int, stem: str | None) -> None:
    run = build.with_stem_for(composed(*words), (3, pixels, pixels))
    assert getattr(run.model, "stem", None) == stem


def test_an_mlp_has_none() -> None:
    run = composed("model=mlp")
    assert build.with_stem_for(run, (2,)) is run


def test_the_settings_of_a_network_change_its_hash_and_the_usual_ones_do_not() -> None:
    from bregman_exp.config import config_hash

    plain, *others = (
        config_hash(composed("model=resnet20", *words), "relu", "")
        for words in ((), ("model.skips=2",), ("model.norm=group",), ("model.shortcut=projection",))
    )
    assert len({plain, *others}) == 4
    assert config_hash(composed("model=resnet20", "model.skips=1", "model.norm=batch"), "relu", "") == plain
