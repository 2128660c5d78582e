"""A trained network by the path of its run or checkpoint, without its data: ``bx.load``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bregman_exp.build.known_data import archive_of, normalization_of
from bregman_exp.build.objects import activation, check_model, network
from bregman_exp.build.stored import check_belongs, check_stored, identity_of, stored_run
from bregman_exp.config import ConfigError, Mlp, PluginModel, Run, check
from bregman_exp.geometry import Activation
from bregman_exp.runs import RunFolder
from bregman_exp.runs.reading import parsed_config
from bregman_exp.training.checkpoint import CONFIG, CheckpointError, load_weights, read_checkpoint, weights_of

IMAGE = (32, 32)  # height and width; a ResNet takes any
LARGEST_SAMPLE = 2**24  # numbers; a record may be anybody's


@dataclass(frozen=True)
class TrainedRun:
    """``net``: in eval mode, on the CPU; ``figures``: metrics.json; ``config``: as in config.yaml, with the
    weights that were loaded as ``eval.weights``.

    ``figures`` is {} for a run that is not complete, and for a checkpoint outside its run's folder.
    """

    net: nn.Module
    config: Run
    figures: Mapping[str, Any]


def load(path: str | Path, weights: str | None = None) -> TrainedRun:
    """The trained network of a run's folder, or of a checkpoint of this program.

        net = bx.load("outputs/adhoc/bregman_mlp-atan-two_spiral/seed-0-cf5bc34de197").net

    ``weights``: "last", "best" or "ema"; default: those that the figures are of. The data need not be there,
    and no code of the folder is run. Raises ValueErrors, in one sentence, for a path that is neither, and
    where the files do not belong together.
    """
    place = Path(path)
    if place.suffix != ".ckpt":
        return _of_run(RunFolder.existing(place, "path"), weights)
    run_folder = RunFolder(place.absolute().parents[1])
    if place.parent.name == "checkpoints" and run_folder.config.is_file():
        return _of_run(run_folder, weights or place.stem)
    return _of_checkpoint(place)


def _of_run(folder: RunFolder, weights: str | None) -> TrainedRun:
    run = stored_run(folder)
    run = replace(run, eval=replace(run.eval, weights=weights or run.weights))
    act, checkpoint = activation(run), folder.checkpoint(run.weights)
    figures = folder.read_metrics() if folder.complete else {}
    if figures:
        check_stored(folder, figures["dataset"]["fingerprint"])
        identity = identity_of(run, act, figures["dataset"]["fingerprint"])
        check_belongs(folder, identity)
    else:
        identity = folder.named_identity or None
    net = _network(run, act, weights_of(checkpoint, identity), figures)
    load_weights(checkpoint, net, identity)
    return TrainedRun(net.eval(), run, figures)


def _of_checkpoint(path: Path) -> TrainedRun:
    text = read_checkpoint(path).get(CONFIG)
    if not isinstance(text, str):
        raise CheckpointError(
            f"{path} does not hold its config, as those of older versions; load it in its run's folder."
        )
    run = check(parsed_config(path, text) | {"output_dir": str(path.parent)})
    net = _network(run, activation(run), weights_of(path), {})
    load_weights(path, net)
    return TrainedRun(net.eval(), run, {})


def _network(run: Run, act: Activation, state: Mapping[str, Tensor], figures: Mapping[str, Any]) -> nn.Module:
    """The network that these weights fit: its classes are read off their shapes."""
    check_model(run, act)
    layers = _layer_weights(state)
    if not layers:
        raise ConfigError(f"the checkpoint of model={run.model.name} has no weights of a layer.")
    classes = len(state.get("output.values", layers[-1]))
    archive = archive_of(run)
    if archive is not None and archive.num_classes != classes:
        raise ConfigError(
            f"the network of the checkpoint has {classes} classes and its data set {archive.label} has "
            f"{archive.num_classes}; bring back the config.yaml, or the checkpoint, of the run."
        )
    return network(run, act, sample_shape(run, state, figures), classes, normalization_of(run))


def sample_shape(run: Run, state: Mapping[str, Tensor], figures: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of the samples that a network with these weights takes; images of 32 × 32.

    A plug-in's model may be made for one shape alone: there it is the one in ``figures``, {} if unknown.
    """
    first, recorded = _layer_weights(state)[0], figures.get("dataset", {}).get("shape")
    is_plugin = isinstance(run.model, PluginModel)
    if is_plugin and recorded and prod(recorded) <= LARGEST_SAMPLE:
        return tuple(recorded)
    is_flat = isinstance(run.model, Mlp) or (is_plugin and first.dim() == 2)
    return (first.shape[1],) if is_flat else (first.shape[1], *IMAGE)


def _layer_weights(state: Mapping[str, Tensor]) -> list[Tensor]:
    """The matrices and kernels, without the lengths of weight normalisation and learned maps."""
    names = ("weight", "weight.original", "weight.original1")
    return [value for key, value in state.items() if value.dim() > 1 and key.endswith(names)]
