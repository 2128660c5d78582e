import pytest

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, as_legendre, legendre_map


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_name_builds_its_map(name):
    act = legendre_map(name)
    assert act.name == ("squareplus" if name == "bent_identity" else name)
    assert legendre_map(act.name) == act


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(ValueError, match="there is no activation 'swish'; choose one of: ") as error:
        legendre_map("swish")
    assert all(name in str(error.value) for name in ACTIVATIONS)


def test_an_unknown_parameter_lists_the_parameters():
    with pytest.raises(ValueError, match=r"'scaled_tanh' has no parameter 'beta'; .* are: scale, slope\.$"):
        legendre_map("scaled_tanh", beta=3.0)
    with pytest.raises(ValueError, match=r"'tanh' has no parameter 'beta'; its parameters are: none\.$"):
        legendre_map("tanh", beta=3.0)


def test_as_legendre_returns_the_map(legendre):
    assert as_legendre(legendre) is legendre


@pytest.mark.parametrize(("name", "why"), [("relu", "not strictly increasing"), ("gelu", "not monotone")])
def test_as_legendre_says_why_not(name, why):
    with pytest.raises(
        ValueError, match=rf"'{name}' has no inverse \({why}\), so it cannot be used"
    ) as error:
        as_legendre(legendre_map(name))
    offered = str(error.value).split("choose one of: ")[1].rstrip(".").split(", ")
    assert set(offered) == {name for name, cls in ACTIVATIONS.items() if issubclass(cls, LegendreMap)}


def test_as_legendre_wants_an_object():
    with pytest.raises(
        ValueError, match=r"'tanh' is not an activation; create one with legendre_map\(name\)\."
    ):
        as_legendre("tanh")
