"""What a run is attacked with."""

from pathlib import Path

from torch import nn

from bregman_exp.build.objects import activation, dataset, device
from bregman_exp.build.stored import stored_run, trained_model
from bregman_exp.config import (
    Attack,
    ConfigError,
    Resnet,
    Run,
    config_hash,
    short_hash,
)
from bregman_exp.data import (
    ClassificationData,
)
from bregman_exp.robustness import AttackSpec, Victim
from bregman_exp.runs import RunFolder

ATTACKED, ATTACKED_ON_GPU = 250, 2000  # samples at a time; a GPU waits for launches with fewer


def attack_specs(attack: Attack) -> list[AttackSpec]:
    """The attacks of a suite; an entry whose ``eps`` is a list stands for one attack each.

    Raises ConfigError for an entry without attack, norm and eps, ValueError for one that is not allowed.
    """
    specs: list[AttackSpec] = []
    for entry in attack.attacks:
        if not isinstance(entry, dict) or not {"attack", "norm", "eps"} <= set(entry):
            raise ConfigError(f"attack.attacks: {entry} needs attack, norm and eps.")
        sizes = entry["eps"] if isinstance(entry["eps"], list) else [entry["eps"]]
        settings = {str(key): value for key, value in entry.items()}
        specs += [AttackSpec.of(**{**settings, "eps": eps}) for eps in sizes]
    if attack.attacks and not specs:
        raise ConfigError(f"attack.attacks={attack.attacks}: there is no eps, so no attack; use attack=none.")
    unnamed = [getattr(spec.attack, "source", "") is None for spec in specs]
    if attack.source is None or not any(unnamed):
        return specs
    source = _source_record(attack)["config_hash"]
    pairs = zip(specs, unnamed, strict=True)
    return [spec.but(source=source) if is_unnamed else spec for spec, is_unnamed in pairs]


def check_attacks(run: Run, net: nn.Module, source: nn.Module | None, data: ClassificationData) -> None:
    """Raises ValueError where an attack cannot run: on so few classes, on inputs of this shape, on a model
    without the surrogate, the bounds or the source that it needs."""
    victim = Victim.of(net, run.seed, source)
    for spec in attack_specs(run.attack):
        spec.attack.for_classes(data.num_classes).check_fits(victim, data.num_classes)
        spec.attack.rehearse(spec.threat, net, data.train.x.shape[1:], data.num_classes)


def suite_hash(run: Run) -> str:
    """The hash over what determines the figures of given weights; the batch size only where it must."""
    attack, specs = run.attack, attack_specs(run.attack)
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
        "batch_size": (attack.batch_size or ATTACKED) if _draws_by_batch(attack) else None,
    }
    return short_hash(content | {key: value for key, value in optional.items() if value})


def attack_batch_size(run: Run, data: ClassificationData) -> int:
    """How many samples are attacked at a time: as many as fill a GPU, where that changes no figure.

    That is 2,000 images of 32×32 pixels for 20 layers (6 GB), fewer where a sample takes more memory.
    """
    if run.attack.batch_size is not None:
        return run.attack.batch_size
    if device(run).type == "cpu" or _draws_by_batch(run.attack):
        return ATTACKED
    depth = run.model.depth if isinstance(run.model, Resnet) else 20
    pixels = data.test.x.shape[2:].numel() if data.is_image else 1
    return max(ATTACKED, int(ATTACKED_ON_GPU * min(1.0, 20 / depth) * min(1.0, 32 * 32 / pixels)))


def _draws_by_batch(attack: Attack) -> bool:
    return attack.audit or any(spec.attack.draws_by_batch for spec in attack_specs(attack))


def _source_record(attack: Attack) -> dict[str, str]:
    """Which weights the transfer starts from, wherever their run lies."""
    if attack.source is None:
        return {}
    metrics = _complete_source(attack.source).read_metrics()
    return {key: metrics[key] for key in ("config_hash", "weights")}


def _complete_source(path: str) -> RunFolder:
    folder = RunFolder.existing(Path(path), "source")
    if not folder.complete:
        raise ConfigError(f"source={path} is not complete; run its train command again.")
    return folder


def transfer_source(run: Run, data: ClassificationData) -> nn.Module | None:
    """The trained network of the run that ``attack.source`` names, in eval mode.

    Raises NotARunError for a folder without a complete run, ConfigError where its inputs or classes are
    others, or where an attack needs a source and none is given.
    """
    attack = run.attack
    if attack.source is None:
        if any(spec.attack.needs_source for spec in attack_specs(attack)):
            raise ConfigError("attack=transfer needs the run to start from; give source=outputs/….")
        return None
    folder = _complete_source(attack.source)
    stored = stored_run(folder)
    itself = config_hash(run, activation(run).label, data.fingerprint), run.weights
    if tuple(_source_record(attack).values()) == itself:
        raise ConfigError(f"source={attack.source} is the evaluated run itself; give another one.")
    same = folder.read_metrics()["dataset"]["fingerprint"] == data.fingerprint
    there = data if same else dataset(stored)
    for what, its, own in (
        ("classes", there.num_classes, data.num_classes),
        ("inputs of shape", tuple(there.train.x.shape[1:]), tuple(data.train.x.shape[1:])),
    ):
        if its != own:
            raise ConfigError(f"source={attack.source} has {what} {its}, the evaluated run {own}.")
    return trained_model(stored, there, folder)
