"""The attacks of a run's suite, the suite's hash, and the source of its transfer attacks."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from bregman_exp.build.objects import dataset
from bregman_exp.build.stored import stored_run, trained_model
from bregman_exp.config import (
    Attack,
    ConfigError,
    Run,
    conf_dir,
    short_hash,
)
from bregman_exp.data import (
    ClassificationData,
)
from bregman_exp.robustness import ATTACKS, AttackSpec, Norm
from bregman_exp.runs import RunFolder

KINDS = 3  # attacks in the name of an evaluation
BATCH_SIZE = 250  # samples attacked at a time, on a CPU and wherever figures depend on it


def attack_specs(attack: Attack) -> list[AttackSpec]:
    """The attacks of a suite; an entry whose ``eps`` is a list gives an attack for each ε.

    Raises ConfigError for an entry without attack, norm and eps, ValueError for wrong settings.
    """
    specs: list[AttackSpec] = []
    for entry in _entries(attack):
        epsilons = entry["eps"] if isinstance(entry["eps"], list) else [entry["eps"]]
        settings = {str(key): value for key, value in entry.items()}
        specs += [AttackSpec.of(**{**settings, "eps": eps}) for eps in epsilons]
    if attack.attacks and not specs:
        raise ConfigError(f"attack.attacks={attack.attacks}: there is no eps, so no attack; use attack=none.")
    lacks_source = [getattr(spec.attack, "source", "") is None for spec in specs]
    if attack.source is None or not any(lacks_source):
        return specs
    source = _source_record(attack)["config_hash"]
    pairs = zip(specs, lacks_source, strict=True)
    return [spec.but(source=source) if lacks else spec for spec, lacks in pairs]


def _entries(attack: Attack) -> list[dict[str, Any]]:
    """The entries of the suite with the norm, ε, steps and restarts that the config gives for all of them."""
    for entry in attack.attacks:
        if not isinstance(entry, dict) or not {"attack", "norm", "eps"} <= set(entry):
            raise ConfigError(f"attack.attacks: {entry} needs attack, norm and eps.")
    norm = attack.norm or (None if attack.eps is None else Norm.LINF)
    entries = [dict(entry) for entry in attack.attacks if norm is None or Norm(entry["norm"]) == Norm(norm)]
    if attack.attacks and not entries:
        raise ConfigError(f"norm={attack.norm}: no attack of the suite {attack.name} is in this norm.")
    if attack.eps is not None:
        entries = [entry | {"eps": attack.eps} for entry in entries]
    for name in ("steps", "restarts"):
        if (value := getattr(attack, name)) is not None:
            having = [entry for entry in entries if _has_setting(entry["attack"], name)]
            if not having:
                raise ConfigError(f"{name}={value}: no attack of the suite {attack.name} has {name}.")
            for entry in having:
                entry[name] = value
    return entries


def _has_setting(attack: Any, name: str) -> bool:
    """Whether the attack of this name has the setting; an unknown attack is refused later."""
    return isinstance(attack, str) and attack in ATTACKS and name in {f.name for f in fields(ATTACKS[attack])}


def suite_label(attack: Attack, specs: Sequence[AttackSpec]) -> str:
    """The suite's name or, where its attacks are not those of its file, what they are.

    E.g. "pgd-linf-0.0314", "pgd-linf", "pgd-linf+fgm-l2", "audit-linf-0.0314". It names the folder of an
    evaluation.
    """
    file = Path(conf_dir()) / "attack" / f"{attack.name}.yaml"
    own = yaml.safe_load(file.read_text()).get("attacks") if file.is_file() else attack.attacks
    changed = any(getattr(attack, name) is not None for name in ("norm", "eps", "steps", "restarts"))
    if not specs or (not changed and _without_eps(own) == _without_eps(attack.attacks)):
        return attack.name
    if attack.audit:  # of many attacks: named by the threat that they share
        threats = {spec.id.removeprefix(spec.attack.label) for spec in specs}
        return attack.name + (threats.pop() if len(threats) == 1 else "")
    kinds = list(dict.fromkeys(f"{spec.attack.label}-{spec.norm}" for spec in specs))
    return (
        specs[0].id if len(specs) == 1 else "+".join(kinds[:KINDS]) + ("+more" if len(kinds) > KINDS else "")
    )


def _without_eps(entries: Any) -> list[dict[str, Any]]:
    """In a file the sizes are references to the data set's, e.g. ${dataset.eps.linf}."""
    return [{key: value for key, value in entry.items() if key != "eps"} for entry in entries or []]


def suite_hash(run: Run, specs: Sequence[AttackSpec]) -> str:
    """The hash over what determines the figures of given weights.

    The batch size counts only where the attacks' random numbers depend on it.
    """
    attack = run.attack
    optional = {
        "audit": attack.audit,
        "save": attack.save,
        "source": _source_record(attack)
        if attack.audit or any(spec.attack.needs_source for spec in specs)
        else None,
    }
    content = {
        "weights": run.weights,
        "samples": attack.samples,
        "attacks": [spec.changed() for spec in specs],
        "batch_size": (attack.batch_size or BATCH_SIZE) if draws_by_batch(attack, specs) else None,
    }
    return short_hash(content | {key: value for key, value in optional.items() if value})


def draws_by_batch(attack: Attack, specs: Sequence[AttackSpec]) -> bool:
    """Whether figures depend on the batch size."""
    return attack.audit or any(spec.attack.draws_by_batch for spec in specs)


def _source_record(attack: Attack) -> dict[str, str]:
    """The identity of the weights that a transfer starts from; the path of their run does not count."""
    if attack.source is None:
        return {}
    metrics = _complete_source(attack.source).read_metrics()
    return {key: metrics[key] for key in ("config_hash", "weights")}


def _complete_source(path: str) -> RunFolder:
    folder = RunFolder.existing(Path(path), "source")
    if not folder.complete:
        raise ConfigError(f"source={path} is not complete; run its train command again.")
    return folder


def transfer_source(
    attack: Attack, specs: Sequence[AttackSpec], data: ClassificationData, evaluated: Mapping[str, str]
) -> nn.Module | None:
    """The trained network of the run that ``attack.source`` names, in eval mode.

    ``evaluated``: config_hash and weights of the evaluated run. Raises NotARunError for a folder that is no
    run, ConfigError where the run is not complete, is the evaluated one or has other inputs or classes, or
    where an attack needs a source and none is given.
    """
    if attack.source is None:
        if any(spec.attack.needs_source for spec in specs):
            raise ConfigError("attack=transfer needs the run to start from; give source=outputs/….")
        return None
    folder = _complete_source(attack.source)
    if _source_record(attack) == evaluated:
        raise ConfigError(f"source={attack.source} is the evaluated run itself; give another one.")
    stored = stored_run(folder)
    same = folder.read_metrics()["dataset"]["fingerprint"] == data.fingerprint
    source_data = data if same else dataset(stored)
    for name, of_source, of_run in (
        ("classes", source_data.num_classes, data.num_classes),
        ("inputs of shape", tuple(source_data.train.x.shape[1:]), tuple(data.train.x.shape[1:])),
    ):
        if of_source != of_run:
            raise ConfigError(f"source={attack.source} has {name} {of_source}, the evaluated run {of_run}.")
    return trained_model(stored, source_data, folder)
