"""An existing run: its config, the checks that its files belong together, its trained network."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from bregman_exp.build.objects import CACHE, activation, check_model, model
from bregman_exp.config import ConfigError, Run, check, config_hash
from bregman_exp.data import ClassificationData
from bregman_exp.geometry import Activation
from bregman_exp.runs import RunFolder, read_config
from bregman_exp.runs.metrics_file import FILES, identity_words
from bregman_exp.training.checkpoint import load_weights


def stored_run(folder: RunFolder) -> Run:
    """The checked config of an existing run, whose output folder may have moved.

    Raises ValueErrors for a file that is no config of this program.
    """
    plain = read_config(folder.config)
    *_, outputs = folder.path.absolute().parents[:3]
    # a run copied alone gets a cache of its own
    output_dir = outputs if (outputs / CACHE).is_dir() else folder.path
    return check(plain | {"output_dir": str(output_dir)})


def identity_of(run: Run, act: Activation, fingerprint: str) -> dict[str, Any]:
    """What a checkpoint is compared with, from the config and the fingerprint of the data."""
    return {"config_hash": config_hash(run, act.label, fingerprint), "seed": run.seed}


class MisfitError(ConfigError):
    """A config.yaml that is not that of its folder."""


def check_belongs(folder: RunFolder, identity: Mapping[str, Any]) -> None:
    """Raises MisfitError where the identity differs from the folder's name or from its metrics.json."""
    expected = {"its folder": folder.named_identity, "its metrics.json": recorded_identity(folder)}
    for place, other in expected.items():
        if other and other != identity:
            raise MisfitError(
                f"{folder.config} does not fit: it makes {identity_words(identity)}, and {place} is of "
                f"{identity_words(other)}; restore the config, or the data, that the run was trained with."
            )


def recorded_identity(folder: RunFolder) -> dict[str, Any]:
    """config_hash and seed in metrics.json; {} where it has none."""
    record = folder.read_metrics() if folder.complete else {}
    return {key: record[key] for key in ("config_hash", "seed")} if "config_hash" in record else {}


def check_stored(folder: RunFolder, fingerprint: str) -> None:
    """Raises MisfitError where the config.yaml of a complete run is not that of its figures.

    It is if its SHA-256 is the one in metrics.json, or else if it makes the recorded config hash.
    """
    if folder.config_as_recorded:
        return
    try:
        run = stored_run(folder)
    except ValueError as error:
        check_is_older(folder, error)
        return
    check_belongs(folder, identity_of(run, activation(run), fingerprint))


def check_is_older(folder: RunFolder, error: ValueError) -> None:
    """Raises MisfitError for an unreadable config.yaml that differs from its recorded SHA-256.

    Without a recorded SHA-256 it is taken for a config of an older version, whose hash cannot be computed.
    """
    if folder.config.name in folder.read_metrics().get(FILES, {}):
        raise MisfitError(f"{folder.config} is not that of its metrics.json, and no config: {error}")


def check_same_data(data: ClassificationData, folder: RunFolder) -> None:
    """Raises ConfigError where the data, or the number of their classes, are not those of the figures."""
    recorded = folder.read_metrics()["dataset"] if folder.complete else {}
    classes = recorded.get("classes") or data.classes  # older runs have none
    if len(classes) != data.num_classes:
        raise ConfigError(
            f"run={folder.path}: its network has {len(classes)} classes and the data set {data.label} has "
            f"{data.num_classes}; give the data that it was trained on."
        )
    if recorded and recorded["fingerprint"] != data.fingerprint:
        raise ConfigError(
            f"run={folder.path}: its data set {data.label} has changed since; restore the old one."
        )


def trained_model(run: Run, data: ClassificationData, folder: RunFolder) -> nn.Module:
    """The network of a stored run with the weights that its figures are of; raises as ``load_trained``."""
    act = activation(run)
    check_model(run, act)
    return load_trained(run, act, data, folder, identity_of(run, act, data.fingerprint))


def load_trained(
    run: Run, act: Activation, data: ClassificationData, folder: RunFolder, identity: dict[str, Any]
) -> nn.Module:
    """A network with the trained weights of the folder ("last" or "best", as ``run.weights``), in eval mode.

    Raises MisfitError where the config does not belong to the folder, CheckpointError where the weights do
    not.
    """
    check_belongs(folder, identity)
    net = model(run, act, data)
    load_weights(folder.checkpoint(run.weights), net, identity)
    return net.eval()
