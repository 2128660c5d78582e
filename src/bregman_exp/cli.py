"""The two commands, step by step: ``train`` and ``evaluate``."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf
from torch.multiprocessing.spawn import ProcessRaisedException

from bregman_exp import build
from bregman_exp.config import Attack, ConfigError, Eval, Run, Trainer, check, check_group, short_hash
from bregman_exp.data import ClassificationData, subset
from bregman_exp.results import RunBusyError, RunFolder, metrics_record
from bregman_exp.robustness import EvaluationProgress
from bregman_exp.robustness import evaluate as attack_all
from bregman_exp.training import CheckpointError, NonFiniteLossError, training_facts, without_advice

log = logging.getLogger("bregman_exp")

SUBSET_SEED = 0  # attack.samples=N means the same N samples for every run


class CommandFailedError(CompactHydraException):
    """Something went wrong and has been told; in a sweep the other jobs go on, and the exit code is not 0."""


class RunFailedError(RuntimeError):
    """A run that began and failed; its failure.json says why."""


def train() -> None:
    """python train.py model=… act=… dataset=… attack=…"""
    _command("train", train_job)


def evaluate() -> None:
    """python evaluate.py run=… attack=…"""
    _command("evaluate", evaluate_job)


def conf_dir() -> str:
    """conf/ inside an installed wheel, else the checkout's."""
    packaged = Path(__file__).parent / "conf"
    return str(packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf")


def _command(config_name: str, job: Callable[[DictConfig], None]) -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    failed: list[DictConfig] = []
    here = os.getpid()

    @wraps(job)
    def told(cfg: DictConfig) -> None:
        try:
            job(cfg)
        except CommandFailedError:
            if os.getpid() != here:  # a launcher's worker: only an exception reaches the sweep
                raise
            failed.append(cfg)  # raised here, Hydra would add four lines of its own to our sentence

    try:
        hydra.main(version_base="1.3", config_path=conf_dir(), config_name=config_name)(told)()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")
    if failed:
        sys.exit(1)


@contextmanager
def _told_in_one_sentence() -> Iterator[None]:
    """A mistake or a failed run is told on stderr, at once also in a sweep; a bug keeps its traceback."""
    try:
        yield
    except (ValueError, OSError, RunBusyError, RunFailedError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise CommandFailedError from None


# ---- train ------------------------------------------------------------------------------------------------


def train_job(cfg: DictConfig) -> None:
    """Checks everything, then trains and evaluates each seed; one that fails does not stop the others."""
    with _told_in_one_sentence():
        plain = _plain(cfg)
        seeds = seeds_of(plain.pop("seed", None), plain.pop("seeds", None))
        runs = [check(plain | {"seed": seed}) for seed in seeds]
        check_device(runs[0].trainer.accelerator, runs[0].trainer.devices)
        build.attack_specs(runs[0].attack)
        build.check_model(runs[0])
        data = build.dataset(runs[0])
        check_samples(runs[0].attack, data)
        build.classifier(runs[0], build.model(runs[0], data))
    failed = [run for run in runs if not _went_well(lambda run=run: train_run(run, data))]
    if failed:
        raise CommandFailedError


def _went_well(step: Callable[[], object]) -> bool:
    try:
        with _told_in_one_sentence():
            step()
    except CommandFailedError:
        return False
    return True


def _plain(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def seeds_of(seed: Any, seeds: Any) -> list[Any]:
    """``seeds=0..3`` is 0, 1, 2, 3; ``seed=k`` is k; neither is 0; both is an error."""
    if seeds is None:
        return [0 if seed is None else seed]
    if seed is not None:
        raise ConfigError(f"seed={seed} and seeds={seeds}: give one of the two.")
    first, dots, last = str(seeds).partition("..")
    if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ConfigError(f"seeds={seeds}: give a range such as 0..63 (both ends included).")
    return list(range(int(first), int(last) + 1))


def check_device(accelerator: str, devices: int) -> None:
    """Raises ConfigError where more GPUs are asked for than there are."""
    if accelerator == "gpu" and torch.cuda.device_count() < devices:
        there = torch.cuda.device_count()
        raise ConfigError(f"trainer asks for {devices} GPU(s) and torch sees {there} here; use trainer=cpu.")


def check_samples(attack: Attack, data: ClassificationData) -> None:
    """Raises ConfigError where more test samples are asked for than there are."""
    n = len(data.test.y)
    if attack.samples is not None and attack.samples > n:
        raise ConfigError(f"attack.samples={attack.samples}: the test set has {n}; use null for all of it.")


def train_run(run: Run, data: ClassificationData) -> None:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one.

    Of a complete run with another suite or other weights only these are evaluated, under its evaluations/.
    """
    folder = build.run_folder(run, data)
    with folder.locked(), _logging_to(folder.log):
        if not folder.complete:
            with _failures_recorded_in(folder):
                folder.begin(run.to_yaml())
                _set_damaged_checkpoint_aside(folder)
                if not is_trained(run, folder):
                    _fit(run, data, folder)
                return _evaluate(run, data, folder, folder)
        if own_suite(run, folder):
            return log.info("%s is complete: skipped", folder.path)
    evaluate_run(run, data, folder)


def is_trained(run: Run, folder: RunFolder) -> bool:
    """Whether the last checkpoint ends the training; CheckpointError where it cannot be read."""
    if not folder.checkpoint("last").exists():
        return False
    facts = training_facts(folder.checkpoint("last"))
    return facts.stopped or facts.epochs >= run.trainer.max_epochs


def own_suite(run: Run, folder: RunFolder) -> bool:
    """Whether the folder's own figures are of this suite and these weights."""
    return folder.complete and build.suite_record(run) == build.suite_record(build.stored_run(folder))


def _set_damaged_checkpoint_aside(folder: RunFolder) -> None:
    last = folder.checkpoint("last")
    try:
        _ = last.exists() and training_facts(last)
    except CheckpointError as error:
        log.info("%s Training starts again; the file is kept as %s.damaged.", error, last.name)
        last.replace(last.with_name(f"{last.name}.damaged"))


def _fit(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    last = folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", folder.path)
    classifier = build.classifier(run, build.model(run, data))
    trainer = build.trainer(run, folder)
    resume = last if last.exists() else None
    try:
        with without_advice():
            trainer.fit(classifier, build.epochs(run, data), ckpt_path=resume, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    except ProcessRaisedException as error:  # a spawned process's, with its traceback for a message
        raise NonFiniteLossError.told_in(str(error)) or error from None
    finally:
        build.finish_loggers(trainer)


def _evaluate(run: Run, data: ClassificationData, trained: RunFolder, target: RunFolder) -> None:
    """Attacks the trained weights with the run's suite and writes the figures into the target folder."""
    attack, facts = run.attack, training_facts(trained.checkpoint("last"))
    net = build.trained_model(run, data, trained)
    device = torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")
    samples = data.test if attack.samples is None else subset(data.test, attack.samples, SUBSET_SEED)
    specs = build.attack_specs(attack)
    log.info(
        "evaluating on %d test samples: %s", len(samples.y), ", ".join(["clean", *(s.id for s in specs)])
    )
    with EvaluationProgress() as progress:
        evaluation = attack_all(
            net.to(device),
            samples.x,
            samples.y,
            specs,
            ids=samples.ids,
            seed=run.seed,
            batch_size=attack.batch_size,
            on_progress=progress,
        )
    train_part = {
        "epochs": facts.epochs,
        "steps": facts.steps,
        "seconds": facts.seconds,
        "samples_per_second": facts.epochs * len(data.train.y) / facts.seconds,
        "params": sum(p.numel() for p in net.parameters()),
    }
    record = metrics_record(
        identity=build.identity(run, data),
        dataset=build.dataset_record(data),
        train=train_part,
        evaluation=evaluation.to_json(),
        device=_device_name(device),
    )
    target.finish(record, evaluation.arrays(samples.ids, samples.y))
    log.info("clean %.4f", evaluation.clean.accuracy)
    for entry in evaluation.robust:
        figure = "not reported" if entry.result is None else f"{entry.result.accuracy:.4f}"
        log.info("%s %s (%s)", entry.id, figure, entry.verdict)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


# ---- evaluate ---------------------------------------------------------------------------------------------


def evaluate_job(cfg: DictConfig) -> None:
    """Adds another suite, or other weights, to an existing run, under its evaluations/."""
    with _told_in_one_sentence():
        keys = {"run", "weights", "attack", "trainer"}
        unknown = [str(key) for key in cfg if key not in keys]
        if unknown:
            raise ConfigError(f"unknown key {', '.join(unknown)}; evaluate has {', '.join(sorted(keys))}.")
        if OmegaConf.is_missing(cfg, "run"):
            raise ConfigError("run is missing; give the folder of a run: run=outputs/….")
        folder = RunFolder.existing(Path(str(cfg.run)))
        run = build.stored_run(folder)
        _take_settings(run, cfg)
        check_device(run.trainer.accelerator, 1)
        build.attack_specs(run.attack)
        if not is_trained(run, folder) and not folder.complete:
            raise ConfigError(f"run={folder.path} has not finished training; run its train command again.")
        data = build.dataset(run)
        check_same_data(data, folder)
        check_samples(run.attack, data)
        build.trained_model(run, data, folder)
        if own_suite(run, folder):
            return print(f"{folder.path} has these figures already: skipped", file=sys.stderr)
    if not _went_well(lambda: evaluate_run(run, data, folder)):
        raise CommandFailedError


def _take_settings(run: Run, cfg: DictConfig) -> None:
    """What evaluate.py's own config says goes into the stored run; of the trainer only the accelerator."""
    # a suite may refer to the sizes that suit the run's data set
    settings = _plain(OmegaConf.merge({"dataset": asdict(run.dataset)}, cfg))  # pyright: ignore
    run.attack = check_group("attack", Attack, settings["attack"])
    run.eval = check_group("eval", Eval, {"weights": settings["weights"] or run.eval.weights})
    given = {key: value for key, value in settings["trainer"].items() if value != "???"}
    run.trainer.accelerator = check_group("trainer", Trainer, asdict(run.trainer) | given).accelerator


def check_same_data(data: ClassificationData, folder: RunFolder) -> None:
    """Raises ConfigError where the data are not those of the run's own figures."""
    if folder.complete and folder.read_metrics()["dataset"]["fingerprint"] != data.fingerprint:
        raise ConfigError(
            f"run={folder.path}: its data set {data.label} has changed since; bring the old one back."
        )


def evaluate_run(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    """Evaluates a trained run; a complete evaluation is skipped."""
    target = folder.evaluation(f"{run.attack.name}-{short_hash(build.suite_record(run))}")
    with target.locked(), _logging_to(target.log):
        if target.complete:
            log.info("%s is complete: skipped", target.path)
            return
        with _failures_recorded_in(target):
            _evaluate(run, data, folder, target)


# ---- around both ------------------------------------------------------------------------------------------


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """What is said goes to run.log and to the terminal."""
    log.setLevel(logging.INFO)
    log.propagate = False
    handlers = [logging.FileHandler(path, encoding="utf-8"), logging.StreamHandler()]
    handlers[0].setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


@contextmanager
def _failures_recorded_in(folder: RunFolder) -> Iterator[None]:
    """A failure is written to failure.json, with its traceback, and told in one sentence."""
    try:
        yield
    except Exception as error:
        folder.fail(error)
        told = (
            str(error)
            if isinstance(error, ValueError | ArithmeticError)
            else f"{type(error).__name__}: {error}"
        )
        raise RunFailedError(f"{told} (traceback in {folder.failure})") from error
