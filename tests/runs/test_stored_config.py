"""A stored config.yaml is read as OmegaConf reads it, and holds nothing that a resolved config has not."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bregman_exp.runs.reading import NotARunError, parsed_config

SCALARS = (
    "1e5 1E5 1.5e5 1e-05 1_000 2020-01-01 .5 .5e3 1:30 1:30.5 on yes null ~ 0x1f 017 e5 1e +1e3 .inf 1. 1.e3 "
    "true 1_000.5 '1e5' a#b 12e03 0o17"
)


def test_scalars_are_what_omegaconf_makes_of_them() -> None:
    text = "".join(f"key{i}: {scalar}\n" for i, scalar in enumerate(SCALARS.split()))
    own, other = parsed_config(Path("config.yaml"), text), OmegaConf.to_container(OmegaConf.create(text))
    assert own == other
    assert [type(value) for value in own.values()] == [type(value) for value in other.values()]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2", "is damaged: the key a stands in it twice."),
        ("a: {b: 1, b: 2}", "is damaged: the key b stands in it twice."),
        ("a: !!set {1, 2}", "has the YAML tag tag:yaml.org,2002:set; a stored config has none."),
        ("a: !!python/name:os.system", "has the YAML tag"),
        ("a: &x 1\nb: *x", "has a YAML alias; a stored config has none."),
        ("a: ${oc.env:HOME}", "has ${oc.env:HOME}; a stored config has values, not references."),
        ("a: " + "[" * 30 + "]" * 30, "has more than 20 levels; a stored config has five."),
        ("a: 1\n---\nb: 2", "is damaged: "),
        ("- 1", "is not a config of a run."),
        ("", "is not a config of a run."),
    ],
)
def test_what_no_stored_config_has_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(NotARunError) as error:
        parsed_config(Path("config.yaml"), text)
    assert str(error.value).startswith(f"config.yaml {sentence}")
