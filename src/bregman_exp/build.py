"""From a checked config to objects: the hall that joins the wings, and the one place of ``instantiate``."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger
from torch import nn
from yaml import YAMLError

from bregman_exp.compiling import bf16_is_fast_here, compiled, forget_compiled, missing_for_cpu
from bregman_exp.config import (
    Attack,
    ConfigError,
    ImageFolder,
    Mlp,
    Resnet,
    Run,
    Trainer,
    check,
    config_hash,
    require,
    short_hash,
)
from bregman_exp.data import (
    ClassificationData,
    EpochLoader,
    PaddedImages,
    PlannedBatches,
    Split,
    StackedEpochLoader,
    first_image,
)
from bregman_exp.geometry import Activation
from bregman_exp.keyed_random import generator
from bregman_exp.models import FusedForm, ResNet
from bregman_exp.results import RunFolder
from bregman_exp.robustness import AttackSpec, Victim
from bregman_exp.training import (
    CAPTURED,
    EAGER,
    FORMS,
    PLAIN,
    AtomicCheckpoints,
    Budget,
    Choice,
    Classifier,
    CsvLogger,
    EpochCheckpoint,
    Epochs,
    FixedSize,
    Form,
    Forward,
    Lane,
    Logits,
    NonFiniteLossError,
    OwnForward,
    SharedForward,
    SideBySide,
    StackedClassifier,
    StopInTime,
    TrainingProgress,
    load_weights,
    without_advice,
)

CIFAR_SHAPE = (3, 32, 32)
CACHE = ".cache"  # below the output folder: decoded images
VALIDATION_BATCH = 500  # at least: its size changes no figure
ATTACKED, ATTACKED_ON_GPU = 250, 2000  # samples at a time; a GPU waits for launches with fewer
CHUNK = 8  # training batches of points that Lightning is handed at a time: it takes as long as their step
ROUNDS = 16  # the same of several networks side by side: steps of each


def _called(node: Any, **settings: Any) -> Any:
    """What the node's ``_target_`` names (config.TARGETS has permitted it), called with these settings."""
    return instantiate({"_target_": node._target_, "_partial_": True})(**settings)


def _settings(node: Any) -> dict[str, Any]:
    """What the node says to the function that its ``_target_`` names."""
    return {key: value for key, value in asdict(node).items() if key not in ("_target_", "name", "eps")}


def activation(run: Run) -> Activation:
    """The Legendre map (or plain activation) of ``act``."""
    given = {key: value for key, value in _settings(run.act).items() if value is not None}
    return _called(run.act, name=run.act.name, **given)


def dataset(run: Run) -> ClassificationData:
    """The data set; an image folder is decoded once into a cache below the output folder."""
    settings = _settings(run.dataset)
    settings.pop("augment", None)  # the loader's
    if isinstance(run.dataset, ImageFolder):
        settings["cache_dir"] = Path(run.output_dir) / CACHE
    return _called(run.dataset, **settings)


def glance(run: Run) -> ClassificationData:
    """A batch of black images in the shape and classes of the run's data, without reading these."""
    shape, classes = CIFAR_SHAPE, tuple(map(str, range(10)))
    if isinstance(run.dataset, ImageFolder):
        image, classes = first_image(run.dataset.root, run.dataset.size)
        shape = image.shape
    n = run.trainer.batch_size
    batch = Split(
        torch.zeros((n, *shape), dtype=torch.uint8), torch.arange(n) % len(classes), torch.arange(n)
    )
    normalize = getattr(run.dataset, "normalize", "cifar10")
    return ClassificationData(run.dataset.name, "", classes, batch, batch, batch, normalize, "")


def check_model(run: Run) -> None:
    """Raises what ``model`` would raise of the config alone, without data or memory."""
    with torch.device("meta"):
        _network(run, in_features=2, num_classes=2, normalize=getattr(run.dataset, "normalize", None))


def model(run: Run, data: ClassificationData) -> nn.Module:
    """The network with its initial weights, which follow from the seed alone."""
    if isinstance(run.model, Resnet) and not data.is_image:
        raise ConfigError(f"model={run.model.name} needs images; dataset={run.dataset.name} has points.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(run.seed, "init").initial_seed())
        return _network(run, data.train.x[0].numel(), data.num_classes, data.normalize)


def _network(run: Run, in_features: int, num_classes: int, normalize: str | None) -> nn.Module:
    settings = {"act": activation(run), "num_classes": num_classes, **_settings(run.model)}
    if isinstance(run.model, Mlp):
        del settings["depth"], settings["width"]
        settings |= {"widths": run.model.hidden, "in_features": in_features}
    else:
        settings["normalize"] = normalize
    return _called(run.model, **settings)


def stored_run(folder: RunFolder) -> Run:
    """The checked config of an existing run, wherever its output folder lies now."""
    try:
        plain = OmegaConf.to_container(OmegaConf.load(folder.config))
    except (OSError, YAMLError) as error:
        raise ConfigError(f"{folder.config} cannot be read: {str(error).splitlines()[0]}.") from None
    if not isinstance(plain, dict):
        raise ConfigError(f"{folder.config} is not a config of a run.")
    *_, home = folder.path.absolute().parents[:3]
    output_dir = home if (home / CACHE).is_dir() else folder.path  # of a moved run: its cache stays beside it
    return check({str(key): value for key, value in plain.items()} | {"output_dir": str(output_dir)})


def trained_model(run: Run, data: ClassificationData, folder: RunFolder) -> nn.Module:
    """The network with the trained weights that the run's figures are of, in eval mode."""
    net = model(run, data)
    load_weights(folder.checkpoint(run.weights), net)
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
            raise ConfigError(
                f"unknown key {', '.join(sorted(unknown))} in attack.attacks; there are {known}."
            )
        if entry["attack"] == "transfer" and attack.source is not None:
            entry = {"source": _source_record(attack)["config_hash"], **entry}
        sizes = entry["eps"] if isinstance(entry["eps"], list) else [entry["eps"]]
        specs += [AttackSpec(**{**entry, "eps": eps}) for eps in sizes]
    if attack.attacks and not specs:
        raise ConfigError(f"attack.attacks={attack.attacks}: there is no eps, so no attack; use attack=none.")
    return specs


def check_attacks(run: Run, net: nn.Module, source: nn.Module | None, data: ClassificationData) -> None:
    """Raises ValueError where the model has not what an attack needs: classes, a surrogate, a source."""
    victim = Victim.of(net, run.seed, source)
    for spec in attack_specs(run.attack):
        spec.for_classes(data.num_classes).check_fits(victim, data.num_classes)


def suite_hash(run: Run) -> str:
    """The hash over what determines the figures of given weights; the batch size only where it must."""
    attack, specs = run.attack, attack_specs(run.attack)
    optional = {
        "audit": attack.audit,
        "save": attack.save,
        "source": _source_record(attack)
        if attack.audit or any(spec.needs_source for spec in specs)
        else None,
    }
    content = {
        "weights": run.weights,
        "samples": attack.samples,
        "attacks": [spec.changed() for spec in specs],
        "batch_size": attack_batch_size(run) if _draws_by_batch(attack) else None,
    }
    return short_hash(content | {key: value for key, value in optional.items() if value})


def attack_batch_size(run: Run) -> int:
    """How many samples are attacked at a time: as many as fill a GPU, where that changes no figure."""
    if run.attack.batch_size is not None:
        return run.attack.batch_size
    fills_gpu = device(run).type == "cuda" and not _draws_by_batch(run.attack)
    return ATTACKED_ON_GPU if fills_gpu else ATTACKED


def _draws_by_batch(attack: Attack) -> bool:
    return attack.audit or any(spec.draws_by_batch for spec in attack_specs(attack))


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
        if any(spec.needs_source for spec in attack_specs(attack)):
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


def run_folder(run: Run, data: ClassificationData) -> RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>-<hash>/: it follows from the config."""
    act = activation(run)
    name = f"{run.model_name}-{act.slug}-{data.name}"
    leaf = f"seed-{run.seed}-{config_hash(run, act.label, data.fingerprint)}"
    return RunFolder(Path(run.output_dir) / run.experiment_name / name / leaf)


def identity(run: Run, data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which run it is."""
    act = activation(run).label
    return {
        "config_hash": config_hash(run, act, data.fingerprint),
        "row_hash": config_hash(run, act, data.fingerprint, with_seed=False),
        "seed": run.seed,
        "model": run.model_name,
        "act": act,
        "version": run.model.version,
        "weights": run.weights,
        "suite": run.attack.name,
        "suite_hash": suite_hash(run),
    }


def dataset_record(data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which data."""
    sizes = {f"n_{name}": len(getattr(data, name).y) for name in ("train", "val", "test")}
    described = {"name": data.name, "source": data.source, "label": data.label}
    return {**described, **sizes, "fingerprint": data.fingerprint}


def epochs(run: Run, data: ClassificationData) -> Epochs:
    """The batches of every epoch."""
    augment = data.is_image and getattr(run.dataset, "augment", False)
    size, seed = run.trainer.batch_size, run.seed
    alone = run.trainer.devices == 1  # processes meet at every step
    return Epochs(
        EpochLoader(data.train, size, shuffle=True, augment=augment, seed=seed),
        _validation(run, data),
        chunk=CHUNK if alone and not data.is_image else 1,
    )


def _validation(run: Run, data: ClassificationData) -> EpochLoader:
    size = max(run.trainer.batch_size, VALIDATION_BATCH)
    return EpochLoader(data.val, size, shuffle=False, augment=False, seed=run.seed)


def device(run: Run) -> torch.device:
    """The device that the run trains and is attacked on."""
    return torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")


def half(run: Run) -> torch.dtype | None:
    """The type of ``trainer.precision`` beside float32, None for float32 alone."""
    return torch.bfloat16 if run.trainer.precision == "bf16-mixed" else None


def precision_advice(run: Run) -> str | None:
    """A sentence where ``trainer.precision`` brings no speed on this machine."""
    if half(run) is None or device(run).type != "cpu" or bf16_is_fast_here():
        return None
    return "trainer.precision=bf16-mixed: this CPU has no bfloat16 arithmetic, so 32-true is faster and exact"


def forms(run: Run) -> list[Form]:
    """The forms in which the run's steps may be computed here, the plain one first.

    Raises ConfigError where ``trainer.fast`` asks for one that is not among them, with the reason.
    """
    settings, asked = run.trainer, run.trainer.fast
    known = FORMS[device(run).type]
    if asked is not None and asked not in {form.name for form in known}:
        names = ", ".join(form.name for form in known)
        raise ConfigError(f"trainer.fast={asked}: with trainer={settings.accelerator} there are {names}.")
    obstacles = {form: reason for form in known if (reason := _obstacle(run, form))}
    for form, reason in obstacles.items():
        require(form.name != asked, f"trainer.fast={asked}: {reason}")
    return [form for form in known if form not in obstacles]


def _obstacle(run: Run, form: Form) -> str | None:
    """Why this form is not possible for the run; None where it is."""
    settings, on_cpu = run.trainer, device(run).type == "cpu"
    missing = missing_for_cpu() if on_cpu else None
    reasons = {
        "only ResNets have other forms; use null (seeds=0..63 is an MLP's way)": form != EAGER
        and not isinstance(run.model, Resnet),
        f"with trainer.devices={settings.devices} it is not possible; use null": form != EAGER
        and settings.devices > 1,
        f"it needs {missing}, which is not there; install it or use null": form.compiled and missing,
        "with trainer.patience it is not possible; use null": form.captured and settings.patience is not None,
        "with trainer.precision=16-mixed it is not possible; use bf16-mixed": form.captured
        and settings.precision == "16-mixed",
        "with optim.l1 it is not possible; use null": form.captured and run.optim.l1 > 0,
        "with trainer.precision=bf16-mixed there is no TF32; leave -tf32 out": form.tf32 and half(run),
        "it trains like eager, piece by piece": form == CAPTURED and on_cpu and settings.fast is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def forward(run: Run, net: nn.Module, form: Form) -> Forward:
    """What computes the logits of networks like ``net`` in this form, on the device of ``net``."""
    if not form.compiled:
        return OwnForward()
    forget_compiled()  # the networks of earlier runs in this process
    size = run.trainer.batch_size
    if not form.captured:  # one network, whose own parameters Lightning's optimizer steps
        return OwnForward(FixedSize(_compiled(net), net, size))
    template = copy.deepcopy(net)
    return SharedForward(template, _compiled(template), size)


def _compiled(net: nn.Module) -> Logits:
    return compiled(FusedForm(cast(ResNet, net)), next(net.parameters()).device)


def classifier(
    run: Run, net: nn.Module, choice: Choice = PLAIN, forward: Forward | None = None
) -> Classifier:
    """The Lightning module of a network alone; ``forward`` as the form's, which is not a captured one."""
    logits = forward.logits if isinstance(forward, OwnForward) else None
    return Classifier(net, run.optim, logits, choice)


def side_by_side(
    runs: Sequence[Run],
    data: ClassificationData,
    folders: Sequence[RunFolder],
    on_failure: Callable[[int, NonFiniteLossError], None],
    choice: Choice,
    forward: Forward,
) -> SideBySide:
    """The Lightning module of the seeds of a ResNet, each with its own network, batches and curves."""
    run, images = runs[0], PaddedImages(data.train, device(runs[0]))
    augment = getattr(run.dataset, "augment", False)

    def lane(row: int, where: torch.device) -> Lane:
        batches = PlannedBatches(images, run.trainer.batch_size, augment=augment, seed=runs[row].seed)
        return Lane(model(runs[row], data).to(where), run.optim, batches, forward, half(run))

    # a tracker has one run in a process
    written = [loggers(run, folder) if len(runs) == 1 else [CsvLogger(folder.curves)] for folder in folders]
    return SideBySide(lane, run.optim, [run.seed for run in runs], written, on_failure, choice)


def side_by_side_epochs(runs: Sequence[Run], data: ClassificationData) -> Epochs:
    """Of training the sizes of the batches alone, since each network knows its own; validation as ever."""
    sizes = [len(part) for part in data.train.y.split(runs[0].trainer.batch_size)]
    return Epochs(lambda *_: sizes, _validation(runs[0], data), chunk=ROUNDS)


def trainer(run: Run, folder: RunFolder, budget: Budget | None = None) -> pl.Trainer:
    """Lightning's trainer with this run's callbacks and loggers; it ends in time where there is a budget."""
    settings = run.trainer
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} seed {run.seed}"),
        EpochCheckpoint(folder.checkpoints, "best", monitor="val/accuracy", mode="max"),
        EpochCheckpoint(folder.checkpoints, "last"),  # after "best", whose state it holds
    ]
    if settings.patience is not None:
        callbacks.append(
            EarlyStopping(
                "val/accuracy", mode="max", patience=settings.patience, check_on_train_epoch_end=True
            )
        )
    return _trainer(settings, [*callbacks, *_in_time(budget)], loggers(run, folder))


def _in_time(budget: Budget | None) -> list[pl.Callback]:
    return [] if budget is None else [StopInTime(budget)]


def _trainer(settings: Trainer, callbacks: list[pl.Callback], logger: list[Logger]) -> pl.Trainer:
    with without_advice():
        return pl.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=settings.strategy,
            precision=settings.precision,  # pyright: ignore[reportArgumentType]
            max_epochs=settings.max_epochs,
            callbacks=callbacks,
            plugins=[AtomicCheckpoints()],
            logger=logger,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,  # the loader gives every rank its share itself
            log_every_n_steps=1_000_000,  # figures are logged once an epoch
        )


def stack_folder(runs: Sequence[Run], data: ClassificationData) -> RunFolder:
    """Where the seeds of a command keep their common checkpoint: .stack-<hash>/ beside their folders."""
    row = config_hash(runs[0], activation(runs[0]).label, data.fingerprint, with_seed=False)
    name = f".stack-{short_hash([row, [run.seed for run in runs]])}"
    return RunFolder(run_folder(runs[0], data).path.with_name(name))


def seeds_label(runs: Sequence[Run]) -> str:
    """E.g. "seeds 0..63"; where some between are missing, "61 seeds"."""
    n, first, last = len(runs), runs[0].seed, runs[-1].seed
    if n == 1:
        return f"seed {first}"
    return f"seeds {first}..{last}" if n == last - first + 1 else f"{n} seeds"


def stacked_epochs(runs: Sequence[Run], data: ClassificationData) -> Epochs:
    """The batches of every epoch for all seeds, for each as ``epochs`` gives them."""
    size, seeds = runs[0].trainer.batch_size, [run.seed for run in runs]
    augment = data.is_image and getattr(runs[0].dataset, "augment", False)
    val_size = max(size, VALIDATION_BATCH)
    return Epochs(
        StackedEpochLoader(data.train, size, shuffle=True, augment=augment, seeds=seeds),
        StackedEpochLoader(data.val, val_size, shuffle=False, augment=False, seeds=seeds),
        chunk=1 if data.is_image else CHUNK,
    )


def stacked_classifier(
    runs: Sequence[Run],
    data: ClassificationData,
    folders: Sequence[RunFolder],
    on_failure: Callable[[int, NonFiniteLossError], None],
) -> StackedClassifier:
    """The Lightning module of all seeds, each with its own initial weights and metrics.csv."""
    nets, seeds = [model(run, data) for run in runs], [run.seed for run in runs]
    return StackedClassifier(
        nets, runs[0].optim, seeds, [CsvLogger(folder.curves) for folder in folders], on_failure
    )


def stacked_trainer(runs: Sequence[Run], stack: RunFolder, budget: Budget | None = None) -> pl.Trainer:
    """Lightning's trainer of all seeds: one checkpoint, of the last epoch."""
    run = runs[0]
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} {seeds_label(runs)}"),
        EpochCheckpoint(stack.checkpoints, "last"),
    ]
    return _trainer(run.trainer, [*callbacks, *_in_time(budget)], [])


def loggers(run: Run, folder: RunFolder) -> list[Logger]:
    """metrics.csv always; if asked for, TensorBoard or W&B (offline unless the user is logged in)."""
    found: list[Logger] = [CsvLogger(folder.curves)]
    if run.logger.name == "tensorboard":
        found.append(TensorBoardLogger(folder.path, name="", version="tensorboard"))
    if run.logger.name == "wandb":
        found.append(_wandb(run, folder))
    return found


def _wandb(run: Run, folder: RunFolder) -> WandbLogger:
    import wandb  # takes a second to import, and few runs need it

    name = "/".join(folder.path.parts[-3:])
    return WandbLogger(
        name=name,
        id=short_hash(str(folder.path.absolute())),  # a resumed run goes on in the same W&B run
        resume="allow",
        save_dir=folder.path,
        project=run.logger.project,
        settings=wandb.Settings(silent=True),
        mode="online" if wandb.login(prompt=False) else "offline",
    )


def finish_loggers(trainer: pl.Trainer) -> None:
    """Ends the W&B run, which the next run of this process would go on with."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()
