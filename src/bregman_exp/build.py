"""From a checked config to objects: the hall that joins the wings, and the one place of ``instantiate``."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger
from torch import nn

from bregman_exp.config import Attack, ConfigError, Mlp, Run, check, config_hash
from bregman_exp.data import ClassificationData, DeviceLoader, Split, generator, to_device
from bregman_exp.geometry import Activation
from bregman_exp.results import RunFolder
from bregman_exp.robustness import AttackSpec
from bregman_exp.training import Classifier, CsvLogger, Epochs, TrainingProgress, load_weights

CACHE = ".cache"  # below the output folder: decoded images


def _factory(node: Any) -> Callable[..., Any]:
    """What ``_target_`` names (config.TARGETS has permitted it), with the node's settings bound."""
    settings = {key: value for key, value in asdict(node).items() if key not in ("name", "eps", "augment")}
    return instantiate({**settings, "_partial_": True})


def activation(run: Run) -> Activation:
    """The Legendre map (or plain activation) of ``act``."""
    given = {key: value for key, value in asdict(run.act).items() if value is not None}
    return instantiate(given)


def dataset(run: Run) -> ClassificationData:
    """The data set; an image folder is decoded once into a cache below the output folder."""
    factory = _factory(run.dataset)
    if run.dataset.name == "image_folder":
        return factory(cache_dir=Path(run.output_dir) / CACHE)
    return factory()


def model(run: Run, data: ClassificationData) -> nn.Module:
    """The network with its initial weights, which follow from the seed alone."""
    act, settings = activation(run), asdict(run.model)
    node = {"_target_": settings.pop("_target_"), "_partial_": True}
    settings.pop("name")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(run.seed, "init").initial_seed())
        if isinstance(run.model, Mlp):
            depth, width, widths = (settings.pop(key) for key in ("depth", "width", "widths"))
            in_features = data.train.x[0].numel()
            widths = widths or [width] * depth
            return instantiate(node)(
                widths, act=act, in_features=in_features, num_classes=data.num_classes, **settings
            )
        if not data.is_image:
            raise ConfigError(f"model={run.model.name} needs images; dataset={run.dataset.name} has points.")
        return instantiate(node)(
            act=act, num_classes=data.num_classes, normalize=data.normalize, **settings
        )


def stored_run(folder: RunFolder) -> Run:
    """The checked config of an existing run."""
    plain = OmegaConf.to_container(OmegaConf.load(folder.config))
    return check({str(key): value for key, value in dict(plain).items()})  # pyright: ignore


def trained_model(run: Run, data: ClassificationData, folder: RunFolder) -> nn.Module:
    """The network with the trained weights that the run's figures are of, in eval mode."""
    net = model(run, data)
    load_weights(folder.checkpoint(run.eval.weights), net)
    return net.eval()


def attack_specs(attack: Attack) -> list[AttackSpec]:
    """The attacks of a suite; an entry whose ``eps`` is a list stands for one attack each.

    Raises ConfigError for an entry without attack, norm and eps, or with an unknown key.
    """
    specs: list[AttackSpec] = []
    for entry in attack.attacks:
        if not isinstance(entry, dict) or not {"attack", "norm", "eps"} <= set(entry):
            raise ConfigError(f"attack.attacks: {entry} needs attack, norm and eps.")
        unknown = set(entry) - {field.name for field in fields(AttackSpec)}
        if unknown:
            known = ", ".join(field.name for field in fields(AttackSpec))
            raise ConfigError(f"unknown key {', '.join(sorted(unknown))} in attack.attacks; there are {known}.")
        sizes = entry["eps"] if isinstance(entry["eps"], list) else [entry["eps"]]
        specs += [AttackSpec(**{**entry, "eps": eps}) for eps in sizes]
    return specs


def suite_record(attack: Attack) -> dict[str, Any]:
    """What determines the figures of a suite; the batch size does not."""
    return {"samples": attack.samples, "attacks": [asdict(spec) for spec in attack_specs(attack)]}


def run_folder(run: Run, data: ClassificationData) -> RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>-<hash>/: it follows from the config."""
    name = f"{run.model_name}-{activation(run).slug}-{data.name}"
    leaf = f"seed-{run.seed}-{config_hash(run, data.fingerprint)}"
    return RunFolder(Path(run.output_dir) / run.experiment_name / name / leaf)


def identity(run: Run, data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which run it is."""
    return {
        "config_hash": config_hash(run, data.fingerprint),
        "row_hash": config_hash(run, data.fingerprint, with_seed=False),
        "seed": run.seed,
        "model": run.model_name,
        "act": activation(run).label,
        "version": run.model.version,
        "weights": run.eval.weights,
    }


def dataset_record(data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which data."""
    sizes = {f"n_{name}": len(getattr(data, name).y) for name in ("train", "val", "test")}
    described = {"name": data.name, "source": data.source, "label": data.label}
    return {**described, **sizes, "fingerprint": data.fingerprint}


def epochs(run: Run, data: ClassificationData) -> Epochs:
    """The batches of every epoch; the data lie on the device."""
    on_device: dict[tuple[str, torch.device], Split] = {}

    def split_on(name: str, device: torch.device) -> Split:
        if (name, device) not in on_device:
            on_device[name, device] = to_device(getattr(data, name), device)
        return on_device[name, device]

    def loader(name: str, training: bool) -> Callable[[int, torch.device, int, int], Iterable]:
        augment = training and data.is_image and getattr(run.dataset, "augment", False)

        def load(epoch: int, device: torch.device, rank: int, world_size: int) -> Iterable:
            return DeviceLoader(
                split_on(name, device),
                run.trainer.batch_size // world_size,
                shuffle=training,
                augment=augment,
                seed=run.seed,
                epoch=epoch,
                rank=rank,
                world_size=world_size,
            )

        return load

    return Epochs(loader("train", True), loader("val", False))


def classifier(run: Run, net: nn.Module) -> Classifier:
    """The Lightning module."""
    return Classifier(net, run.optim)


def trainer(run: Run, folder: RunFolder) -> pl.Trainer:
    """Lightning's trainer with this run's callbacks and loggers."""
    settings = run.trainer
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} seed {run.seed}"),
        ModelCheckpoint(
            dirpath=folder.checkpoints,
            filename="best",
            monitor="val/accuracy",
            mode="max",
            save_last=True,
            save_on_train_epoch_end=True,  # after validation: a resumed run starts with the next epoch
            enable_version_counter=False,
        ),
    ]
    if settings.patience is not None:
        callbacks.append(
            EarlyStopping("val/accuracy", mode="max", patience=settings.patience, check_on_train_epoch_end=True)
        )
    return pl.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=settings.strategy,
        precision=settings.precision,  # pyright: ignore[reportArgumentType]
        max_epochs=settings.max_epochs,
        callbacks=callbacks,
        logger=loggers(run, folder),
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,  # the loader gives every rank its share itself
        log_every_n_steps=1_000_000,  # figures are logged once an epoch
    )


def loggers(run: Run, folder: RunFolder) -> list[Logger]:
    """metrics.csv always; W&B (offline unless the user is logged in) or TensorBoard beside it if asked for."""
    found: list[Logger] = [CsvLogger(folder.curves)]
    if run.logger.name == "tensorboard":
        found.append(TensorBoardLogger(folder.path, name="", version="tensorboard"))
    if run.logger.name == "wandb":
        name = "/".join(folder.path.parts[-2:])
        found.append(
            WandbLogger(name=name, save_dir=folder.path, project=run.logger.project, offline=not _logged_in())
        )
    return found


def _logged_in() -> bool:
    import wandb  # takes a second to import, and few runs need it

    return wandb.login(prompt=False)
