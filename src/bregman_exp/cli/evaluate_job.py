"""evaluate.py: another suite, or other weights, for an existing run."""

from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from bregman_exp import build
from bregman_exp.analysis.evaluation_text import evaluation_text
from bregman_exp.cli.command import (
    CommandFailedError,
    errors_in_one_sentence,
    figures_log,
    logging_to,
    plain_container,
    succeeded,
)
from bregman_exp.cli.evaluate_run import evaluate_run, has_all_figures, is_trained
from bregman_exp.cli.run_summary import row_name
from bregman_exp.cli.sweep import Outcome
from bregman_exp.cli.sweep_lines import print_run
from bregman_exp.cli.user_code import typed_overrides
from bregman_exp.config import Attack, ConfigError, Eval, Run, Trainer, check_group
from bregman_exp.runs import RunFolder
from bregman_exp.terminal import as_text


def evaluate_job(cfg: DictConfig) -> Outcome:
    """Adds another suite, or other weights, to an existing run, under its evaluations/."""
    with errors_in_one_sentence():
        keys = {"run", "source", "weights", "dataset", "attack", "trainer"}
        unknown = [str(key) for key in cfg if key not in keys]
        unknown += [f"dataset.{key}" for key in cfg.dataset if key != "root"]
        if unknown:
            raise ConfigError(f"unknown key {', '.join(unknown)}; evaluate has {', '.join(sorted(keys))}.")
        if OmegaConf.is_missing(cfg, "run"):
            raise ConfigError("run is missing; give the folder of a run: run=outputs/….")
        folder = RunFolder.existing(Path(str(cfg.run)))
        run = build.stored_run(folder)
        _apply_settings(run, cfg)
        build.check_device(run.trainer.accelerator, 1)
        if not is_trained(run, folder) and not folder.complete:
            raise ConfigError(f"run={folder.path} has not finished training; run its train command again.")
        job = build.job(run, folder, overrides=typed_overrides())
        build.check_same_data(job.data, folder)
        job.check_attacks(job.trained_network())
        skipped = has_all_figures(job)
    if skipped:
        with logging_to():
            figures_log.info("%s has these figures already: skipped", folder.path)
            figures_log.info("%s", as_text(evaluation_text(folder.read_metrics(), row_name(job))))
    elif not succeeded(lambda: evaluate_run(job)):
        print_run(job, Outcome.FAILED)
        raise CommandFailedError
    outcome = Outcome.SKIPPED if skipped else Outcome.DONE
    print_run(job, outcome)
    return outcome


def _apply_settings(run: Run, cfg: DictConfig) -> None:
    """Applies evaluate.py's config to the stored run: attack, weights, accelerator, folder of the data."""
    # a suite may interpolate ${dataset.eps…}
    settings = plain_container(OmegaConf.merge({"dataset": asdict(run.dataset)}, cfg))  # pyright: ignore
    if cfg.dataset.root is not None:
        run.dataset = check_group(
            "dataset", type(run.dataset), asdict(run.dataset) | {"root": cfg.dataset.root}
        )
    run.attack = check_group("attack", Attack, settings["attack"])
    run.eval = check_group("eval", Eval, {"weights": settings["weights"] or run.weights})
    trainer = {key: value for key, value in settings["trainer"].items() if value != "???"}
    run.trainer.accelerator = check_group("trainer", Trainer, asdict(run.trainer) | trainer).accelerator
