"""norm, eps, steps and restarts of a config replace those of the suite, which is then called what it is."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from bregman_exp import build
from bregman_exp.build.suite import suite_label
from bregman_exp.config import Attack, check, check_group, conf_dir
from bregman_exp.robustness import AttackSpec

SUITES = sorted(file.stem for file in (Path(conf_dir()) / "attack").glob("*.yaml"))


def suite(*words: str) -> Attack:
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = OmegaConf.to_container(compose("train", ["model=bregman_mlp", *words]), resolve=True)
    assert isinstance(plain, dict)
    del plain["seeds"]
    return check({str(key): value for key, value in plain.items()} | {"seed": 0}).attack


def attack(**settings: object) -> Attack:
    entry = {"attack": "pgd", "norm": "linf", "eps": 0.01}
    return check_group(
        "attack", Attack, {"name": "own", "attacks": [entry, entry | {"norm": "l2"}], **settings}
    )


def threats(settings: Attack) -> list[tuple[str, float]]:
    return [(spec.norm, spec.eps) for spec in build.attack_specs(settings)]


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_as_it_is_keeps_its_name(name: str) -> None:
    settings = suite(f"attack={name}")
    assert suite_label(settings, build.attack_specs(settings)) == name


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("linf", 0.01), ("l2", 0.01)]),
        ({"norm": "L2"}, [("l2", 0.01)]),
        ({"norm": "Linf"}, [("linf", 0.01)]),
        ({"eps": "8/255"}, [("linf", 8 / 255)]),  # as in the field, ε alone is of ℓ∞
        ({"eps": ["1/255", 0.5], "norm": "l2"}, [("l2", 1 / 255), ("l2", 0.5)]),
        ({"eps": 0}, [("linf", 0)]),
    ],
    ids=str,
)
def test_norm_and_eps(settings: dict[str, object], expected: list[tuple[str, float]]) -> None:
    assert threats(attack(**settings)) == expected


def test_steps_and_restarts_are_those_of_the_attacks_that_have_some() -> None:
    settings = suite("attack=paper", "attack.steps=7", "attack.restarts=2")
    specs = build.attack_specs(settings)
    assert {(s.attack.steps, s.attack.restarts) for s in specs if s.attack.name == "pgd"} == {(7, 2)}
    assert "fgsm" in [spec.attack.name for spec in specs]


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"name": "pgd", "eps": "8/255"}, "pgd-linf-0.0314"),
        ({"name": "pgd", "eps": ["1/255", "2/255"]}, "pgd-linf"),
        ({"name": "audit", "audit": True}, "audit"),
        ({"name": "audit", "audit": True, "eps": "8/255"}, "audit-linf-0.0314"),
        ({"name": "suite"}, "pgd-linf+pgd-l2"),  # attacks of one's own in place of the file's
        ({"name": "own"}, "own"),  # a suite of a plug-in or of --config-dir
    ],
    ids=str,
)
def test_an_evaluation_is_called_what_it_is(settings: dict[str, object], label: str) -> None:
    own = attack(**settings)
    assert suite_label(own, build.attack_specs(own)) == label


@pytest.mark.parametrize(
    ("text", "value"), [("8/255", 8 / 255), ("0.5/255", 0.5 / 255), ("1e-3", 1e-3), (" 1 / 4 ", 0.25)]
)
def test_fractions(text: str, value: float) -> None:
    assert AttackSpec.of("pgd", "Linf", text).eps == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["", "a", "1/0", "1/2/3", "nan", "2", None, True, [0.1]])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match=r"^eps="):
        AttackSpec.of("pgd", "linf", text)  # pyright: ignore[reportArgumentType]
