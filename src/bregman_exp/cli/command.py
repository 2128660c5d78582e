"""What stands around every command: Hydra, exit codes, one sentence for a mistake, run.log, failure.json."""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import CompactHydraException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bregman_exp.cli.composition import in_one_sentence, words_fault
from bregman_exp.cli.own_code import OwnCode
from bregman_exp.cli.sweep import Outcome, outcomes_at_the_end
from bregman_exp.config import ConfigError, conf_dir
from bregman_exp.memory import keep_freed_memory
from bregman_exp.processes import end_with_parent, ending_by_signals
from bregman_exp.robustness import attack_usage
from bregman_exp.runs import RunBusyError, RunFolder
from bregman_exp.terminal import shown, write_any_character

log = logging.getLogger("bregman_exp")
MISTAKES = (HydraException, OmegaConfBaseException, ValueError, OSError)  # in words that make no config
FULL_ERROR = "HYDRA_FULL_ERROR"  # the variable that asks Hydra for tracebacks
OWN_CODE = {"train": ("plugins", "callbacks"), "evaluate": ("plugins",)}  # words of a command
LEFT_FOR_LATER = 75  # the exit code EX_TEMPFAIL of sysexits.h: the same command again goes on


class CommandFailedError(CompactHydraException):
    """Something went wrong and has been told; in a sweep the other jobs go on, and the exit code is not 0."""


class RunFailedError(RuntimeError):
    """A run that began and failed; its failure.json says why."""


def command(config_name: str, job: Callable[[DictConfig], Outcome]) -> None:
    """Runs the job with its composed config, or several in a sweep.

    Exits with 1 if one of them failed or the words are wrong, else with 75 if trainer.max_time left something
    for later; with 130 after Ctrl-C, with 143 after SIGTERM.
    """
    write_any_character()
    OmegaConf.register_new_resolver("attack_usage", attack_usage, replace=True)  # for --help
    try:
        with ending_by_signals():
            code = _exit_code(config_name, job)
    except KeyboardInterrupt:
        unit = "batch" if config_name == "evaluate" else "epoch"
        print(f"Interrupted; the same command goes on from the last finished {unit}.", file=sys.stderr)
        code = 130
    if code:
        sys.exit(code)


@dataclass
class _Endings:
    """How the jobs of a command ended. ``bugs``: errors that are no mistake of the user."""

    failed: bool = False
    bugs: list[BaseException] = field(default_factory=list)


def _exit_code(config_name: str, job: Callable[[DictConfig], Outcome]) -> int:
    endings, outcomes = _Endings(), list[Outcome]()
    own_code = OwnCode.taken_from(sys.argv, OWN_CODE[config_name])
    try:
        with told_in_one_sentence():
            own_code.load()
            if fault := words_fault(sys.argv[1:], Path(conf_dir())):
                raise ConfigError(fault)
        with _exceptions_from_hydra():
            run = hydra.main(version_base="1.3", config_path=conf_dir(), config_name=config_name)
            run(_noting_endings(job, own_code, endings))()
    except CommandFailedError:
        endings.failed = True
    except Exception as error:
        # a bug comes from inside a job, from a launcher's worker without its word for it
        if endings.bugs or not isinstance(error, MISTAKES) or os.environ.get(FULL_ERROR):
            raise
        # before or between jobs: while their configs were composed, which the words decide
        print(f"Error: {shown(in_one_sentence(error))}", file=sys.stderr)
        endings.failed = True
    finally:
        outcomes += outcomes_at_the_end()
    return 1 if endings.failed else LEFT_FOR_LATER if Outcome.LEFT in outcomes else 0


def _noting_endings(
    job: Callable[[DictConfig], Outcome], own_code: OwnCode, endings: _Endings
) -> Callable[[DictConfig], Outcome]:
    """The job as Hydra calls it, here or in a launcher's worker: a failed one does not end the sweep."""
    command_pid = os.getpid()

    @wraps(job)
    def noted(cfg: DictConfig) -> Outcome:
        logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # here: a worker's, too
        keep_freed_memory()
        in_worker = os.getpid() != command_pid
        if in_worker:
            end_with_parent(command_pid)
        try:
            with told_in_one_sentence():
                if in_worker:
                    own_code.load()
                own_code.put_into(cfg)
            return job(cfg)
        except CommandFailedError:
            if in_worker:  # only an exception reaches the sweep
                raise
            endings.failed = True  # raised here, it would end the sweep
            return Outcome.FAILED
        except Exception as error:
            endings.bugs.append(error)
            raise

    return noted


@contextmanager
def _exceptions_from_hydra() -> Generator[None]:
    """Within it Hydra raises what goes wrong; by itself it prints and exits."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        del os.environ[FULL_ERROR]
        if before is not None:
            os.environ[FULL_ERROR] = before


@contextmanager
def told_in_one_sentence() -> Generator[None]:
    """A mistake or a failed run is told on stderr, at once also in a sweep; a bug keeps its traceback."""
    try:
        yield
    except (ValueError, OSError, RunBusyError, RunFailedError) as error:
        print(f"Error: {shown(str(error))}", file=sys.stderr)
        raise CommandFailedError from None
    except MemoryError as error:
        print(f"Error: there is too little memory: {error or 'free some, then go on'}.", file=sys.stderr)
        raise CommandFailedError from None


def went_well(step: Callable[[], object]) -> bool:
    """Whether the step ended without an error; one that did not has been told."""
    try:
        with told_in_one_sentence():
            step()
    except CommandFailedError:
        return False
    return True


def plain_container(cfg: DictConfig) -> dict[str, Any]:
    """The config without interpolations, in plain types."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


@cache
def say_once(sentence: str) -> None:
    """Tells the user, on stderr, at the first of a command's runs."""
    print(sentence, file=sys.stderr)


@contextmanager
def logging_to(*paths: Path) -> Generator[None]:
    """What is said goes to each run.log and to the terminal."""
    log.setLevel(logging.INFO)
    log.propagate = False
    files = [logging.FileHandler(path, encoding="utf-8") for path in paths]
    for file in files:
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handlers = [*files, logging.StreamHandler()]
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


@contextmanager
def failures_recorded_in(*folders: RunFolder) -> Generator[None]:
    """A failure is written to each failure.json, with its traceback, and told in one sentence."""
    try:
        yield
    except Exception as error:
        for folder in folders:
            folder.fail(error)
        sentence = (
            str(error)
            if isinstance(error, ValueError | ArithmeticError)
            else f"{type(error).__name__}: {error}"
        )
        raise RunFailedError(f"{sentence} (traceback in {folders[0].failure})") from error
