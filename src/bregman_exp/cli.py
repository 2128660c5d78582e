"""The two commands, step by step: ``train`` and ``evaluate``."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from bregman_exp import build
from bregman_exp.config import Attack, ConfigError, Eval, Run, Trainer, check, check_group, short_hash
from bregman_exp.data import ClassificationData, subset
from bregman_exp.results import RunBusyError, RunFolder, metrics_record
from bregman_exp.robustness import EvaluationProgress
from bregman_exp.robustness import evaluate as attack_all
from bregman_exp.training import training_facts

log = logging.getLogger("bregman_exp")

SUBSET_SEED = 0  # attack.samples=N means the same N samples for every run


class CommandFailedError(HydraException):
    """One sentence for the user; in a sweep the other jobs go on, and the exit code is not 0."""


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
    try:
        hydra.main(version_base="1.3", config_path=conf_dir(), config_name=config_name)(job)()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")


@contextmanager
def _mistakes_in_one_sentence() -> Iterator[None]:
    """A user's mistake becomes one sentence on stderr, at once also in a sweep; a bug keeps its traceback."""
    try:
        yield
    except (ValueError, RunBusyError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise CommandFailedError from None


# ---- train ------------------------------------------------------------------------------------------------


def train_job(cfg: DictConfig) -> None:
    """Checks everything, then trains and evaluates each seed."""
    with _mistakes_in_one_sentence():
        plain = _plain(cfg)
        seeds = seeds_of(plain.pop("seed", None), plain.pop("seeds", None))
        runs = [check(plain | {"seed": seed}) for seed in seeds]
        check_device(runs[0].trainer)
        build.attack_specs(runs[0].attack)
        data = build.dataset(runs[0])
        check_samples(runs[0].attack, data)
        build.model(runs[0], data)
        for run in runs:
            train_run(run, data)


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


def check_device(trainer: Trainer) -> None:
    """Raises ConfigError where more GPUs are asked for than there are."""
    if trainer.accelerator == "gpu" and torch.cuda.device_count() < trainer.devices:
        raise ConfigError(
            f"trainer asks for {trainer.devices} GPU(s) and torch sees {torch.cuda.device_count()} here; "
            "use trainer=cpu."
        )


def check_samples(attack: Attack, data: ClassificationData) -> None:
    """Raises ConfigError where more test samples are asked for than there are."""
    n = len(data.test.y)
    if attack.samples is not None and attack.samples > n:
        raise ConfigError(f"attack.samples={attack.samples}: the test set has {n}; use null for all of it.")


def train_run(run: Run, data: ClassificationData) -> RunFolder:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one."""
    folder = build.run_folder(run, data)
    with folder.locked(), _logging_to(folder.log):
        if folder.complete:
            log.info("%s is complete: skipped", folder.path)
            return folder
        with _failures_recorded_in(folder):
            folder.begin(run.to_yaml())
            if not folder.trained.exists():
                _fit(run, data, folder)
            _evaluate(run, data, folder, folder, run.attack)
    return folder


def _fit(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    last = folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", folder.path)
    classifier = build.classifier(run, build.model(run, data))
    trainer = build.trainer(run, folder)
    resume = last if last.exists() else None
    trainer.fit(classifier, build.epochs(run, data), ckpt_path=resume, weights_only=True)
    folder.end_training()


def _evaluate(
    run: Run, data: ClassificationData, trained: RunFolder, target: RunFolder, attack: Attack
) -> None:
    """Attacks the trained weights with a suite and writes the figures into the target folder."""
    net = build.trained_model(run, data, trained)
    device = torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")
    samples = data.test if attack.samples is None else subset(data.test, attack.samples, SUBSET_SEED)
    specs = build.attack_specs(attack)
    log.info("evaluating on %d test samples: clean, %s", len(samples.y), ", ".join(s.id for s in specs))
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
    facts = training_facts(trained.checkpoint("last"))
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
    with _mistakes_in_one_sentence():
        keys = {"run", "weights", "attack", "trainer"}
        unknown = [str(key) for key in cfg if key not in keys]
        if unknown:
            raise ConfigError(f"unknown key {', '.join(unknown)}; evaluate has {', '.join(sorted(keys))}.")
        folder = RunFolder.existing(Path(str(cfg.run)))
        if not folder.trained.exists():
            raise ConfigError(f"run={folder.path} has not finished training; run its train command again.")
        run = build.stored_run(folder)
        # a suite may refer to the sizes that suit the run's data set
        settings = _plain(OmegaConf.merge({"dataset": asdict(run.dataset)}, cfg))  # pyright: ignore
        run.attack = check_group("attack", Attack, settings["attack"])
        run.eval = check_group("eval", Eval, {"weights": settings["weights"]})
        run.trainer.accelerator = settings["trainer"]["accelerator"]
        check_device(run.trainer)
        build.attack_specs(run.attack)
        data = build.dataset(run)
        check_samples(run.attack, data)
        evaluate_run(run, data, folder)


def evaluate_run(run: Run, data: ClassificationData, folder: RunFolder) -> RunFolder:
    """Evaluates a trained run; a complete evaluation is skipped."""
    suite = {"attack": build.suite_record(run.attack), "weights": run.eval.weights}
    target = folder.evaluation(f"{run.attack.name}-{short_hash(suite)}")
    with target.locked(), _logging_to(target.log):
        if target.complete:
            log.info("%s is complete: skipped", target.path)
            return target
        with _failures_recorded_in(target):
            _evaluate(run, data, folder, target, run.attack)
    return target


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
        where = f"(traceback in {folder.failure})"
        if isinstance(error, ValueError | ArithmeticError):
            raise ConfigError(f"{error} {where}") from error
        raise ConfigError(f"{type(error).__name__}: {error} {where}") from error
