import pytest

from bregman_exp.robustness import AttackSpec, unique_ids


@pytest.mark.parametrize(
    ("attack", "norm", "eps", "cls", "name"),
    [
        ("pgd", "linf", 0.71 / 255, None, "pgd-linf-0.0028"),
        ("pgd", "linf", 2e-5, None, "pgd-linf-2e-05"),
        ("pgd", "l2", 0.08, None, "pgd-l2-0.08"),
        ("fgsm", "linf", 1.2 / 255, None, "fgsm-linf-0.0047"),
        ("fgm", "l2", 1, None, "fgm-l2-1"),
        ("pgd", "linf", 0, None, "pgd-linf-0"),
        ("torchattacks", "linf", 8 / 255, "PGD", "torchattacks-PGD-linf-0.0314"),
    ],
)
def test_ids(attack: str, norm: str, eps: float, cls: str | None, name: str) -> None:
    assert AttackSpec.of(attack, norm, eps, cls=cls).id == name


def test_a_second_attack_of_the_same_id_gets_a_number() -> None:
    first, other = AttackSpec.of("pgd", "linf", 0.1), AttackSpec.of("pgd", "l2", 0.1)
    again = AttackSpec.of("pgd", "linf", 0.1, steps=5)
    assert unique_ids([first, other, again, other, first]) == [
        "pgd-linf-0.1",
        "pgd-l2-0.1",
        "pgd-linf-0.1-2",
        "pgd-l2-0.1-2",
        "pgd-linf-0.1-3",
    ]
    assert unique_ids([]) == []


def test_what_metrics_json_says_of_an_attack() -> None:
    assert AttackSpec.of(
        "pgd", "l2", 0.1, steps=7, restarts=2, loss="margin", random_start=False
    ).to_json() == {
        "attack": "pgd",
        "norm": "l2",
        "eps": 0.1,
        "steps": 7,
        "restarts": 2,
        "loss": "margin",
        "rel_step": 0.25,
        "random_start": False,
    }
    for attack, norm in (("fgsm", "linf"), ("fgm", "l2")):
        assert AttackSpec.of(attack, norm, 0.1).to_json() == {
            "attack": attack,
            "norm": norm,
            "eps": 0.1,
            "steps": 1,
            "restarts": 1,
            "loss": "ce",
        }
    assert AttackSpec.of("torchattacks", "linf", 0.1, cls="PGD", parameters={"steps": 3}).to_json() == {
        "attack": "torchattacks",
        "norm": "linf",
        "eps": 0.1,
        "steps": None,
        "restarts": None,
        "loss": None,
        "class": "PGD",
        "parameters": {"steps": 3},
    }


def test_the_defaults_are_50_steps_of_a_quarter_eps_from_one_random_start() -> None:
    spec = AttackSpec.of("pgd", "linf", 0.1).attack
    assert (spec.steps, spec.rel_step, spec.restarts, spec.random_start, spec.loss) == (
        50,
        0.25,
        1,
        True,
        "ce",
    )
