"""The frame of every command: Hydra, exit codes, errors in one sentence, run.log, failure.json."""

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

from bregman_exp.cli.composition import check_overrides, composition_message, with_added_keys, without_aliases
from bregman_exp.cli.help_page import help_page
from bregman_exp.cli.sweep import FIGURES, Outcome, SweepProgress, outcomes_at_the_end
from bregman_exp.cli.user_code import UserCode
from bregman_exp.config import conf_dir
from bregman_exp.memory import keep_freed_memory
from bregman_exp.processes import end_with_parent, ending_by_signals
from bregman_exp.runs import RunBusyError, RunFolder
from bregman_exp.terminal import shown, write_any_character

log = logging.getLogger("bregman_exp")
figures_log = logging.getLogger(FIGURES)
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError, OSError)
FULL_ERROR = "HYDRA_FULL_ERROR"  # the variable that asks Hydra for tracebacks
USER_CODE = {"train": ("plugins", "callbacks"), "evaluate": ("plugins",)}  # command -> its options for it
Job = Callable[[DictConfig], Outcome]
EX_TEMPFAIL = 75  # of sysexits.h: run the same command again


class CommandFailedError(CompactHydraException):
    """An error that has been printed. In a sweep the other jobs go on; the exit code is not 0."""


class RunFailedError(RuntimeError):
    """A run that began and failed; its failure.json says why."""


def command(config_name: str, load_job: Callable[[], Job]) -> None:
    """Runs the job with its composed config, or several in a sweep; --help prints a page without the job.

    Exits with 1 if a job failed or the arguments are wrong, else with 75 if trainer.max_time postponed
    something; with 130 after Ctrl-C, with 143 after SIGTERM.
    """
    write_any_character()
    try:
        with ending_by_signals():
            code = _exit_code(config_name, load_job)
    except KeyboardInterrupt:
        unit = "batch" if config_name == "evaluate" else "epoch"
        print(f"Interrupted; the same command goes on from the last finished {unit}.", file=sys.stderr)
        code = 130
    if code:
        sys.exit(code)


@dataclass
class _Failures:
    """What failed in a command's jobs. ``printed``: some user error; ``bugs``: all other errors."""

    printed: bool = False
    bugs: list[BaseException] = field(default_factory=list)


def _exit_code(config_name: str, load_job: Callable[[], Job]) -> int:
    failures, outcomes = _Failures(), list[Outcome]()
    user_code = UserCode.from_arguments(sys.argv, USER_CODE[config_name])
    try:
        with errors_in_one_sentence():
            user_code.load()
            if page := help_page(config_name, sys.argv[1:]):
                print(page)
                return 0
            sys.argv[1:] = with_added_keys(without_aliases(sys.argv[1:]))
            check_overrides(sys.argv[1:], Path(conf_dir()))
        with _exceptions_from_hydra():
            run = hydra.main(version_base="1.3", config_path=conf_dir(), config_name=config_name)
            run(_recording_failures(load_job(), user_code, failures))()
    except CommandFailedError:
        failures.printed = True
    except Exception as error:
        # a worker's bug arrives here without an entry in ``bugs``
        if failures.bugs or not isinstance(error, COMPOSITION_ERRORS) or os.environ.get(FULL_ERROR):
            raise
        print(f"Error: {shown(composition_message(error))}", file=sys.stderr)
        failures.printed = True
    finally:
        outcomes += outcomes_at_the_end()
    return 1 if failures.printed else EX_TEMPFAIL if Outcome.POSTPONED in outcomes else 0


def _recording_failures(job: Job, user_code: UserCode, failures: _Failures) -> Job:
    """The job as Hydra calls it, here or in a launcher's worker; a failed job does not end the sweep."""
    command_pid = os.getpid()

    @wraps(job)
    def recording(cfg: DictConfig) -> Outcome:
        logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # in a worker, too
        keep_freed_memory()
        in_worker = os.getpid() != command_pid
        if in_worker:
            end_with_parent(command_pid)
        try:
            with errors_in_one_sentence():
                if in_worker:
                    user_code.load()
                user_code.put_into(cfg)
            return job(cfg)
        except CommandFailedError:
            if in_worker:  # only an exception reaches the sweep
                raise
            failures.printed = True  # an exception would end the sweep
            return Outcome.FAILED
        except Exception as error:
            failures.bugs.append(error)
            raise

    return recording


@contextmanager
def _exceptions_from_hydra() -> Generator[None]:
    """Within it Hydra raises its errors; by default it prints them and exits."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        del os.environ[FULL_ERROR]
        if before is not None:
            os.environ[FULL_ERROR] = before


@contextmanager
def errors_in_one_sentence() -> Generator[None]:
    """Prints a user error or a failed run to stderr and raises CommandFailedError; a bug passes through."""
    try:
        yield
    except (ValueError, OSError, RunBusyError, RunFailedError) as error:
        print(f"Error: {shown(str(error))}", file=sys.stderr)
        raise CommandFailedError from None
    except MemoryError as error:
        print(f"Error: there is too little memory: {error or 'free some, then go on'}.", file=sys.stderr)
        raise CommandFailedError from None


def succeeded(step: Callable[[], object]) -> bool:
    """Whether the step ended without an error; an error has been printed."""
    try:
        with errors_in_one_sentence():
            step()
    except CommandFailedError:
        return False
    return True


def plain_container(cfg: DictConfig) -> dict[str, Any]:
    """The config in plain types, its interpolations resolved."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


@cache
def print_once(sentence: str) -> None:
    """Prints the sentence to stderr, once in a process."""
    print(sentence, file=sys.stderr)


@contextmanager
def logging_to(*paths: Path) -> Generator[None]:
    """Within it, log messages go to each run.log and to the terminal, which shows less of several runs."""
    log.setLevel(logging.INFO)
    log.propagate = False
    files = [logging.FileHandler(path, encoding="utf-8") for path in paths]
    for file in files:
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    terminal = logging.StreamHandler()
    if SweepProgress.current is not None:
        terminal.addFilter(SweepProgress.current.shows)
    handlers = [*files, terminal]
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
    """Writes an error, with its traceback, to each failure.json; raises RunFailedError in its place."""
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
