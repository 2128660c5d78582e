"""The end of processes: a child ends with its parent, and a command ends cleanly on a signal."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from multiprocessing import active_children
from types import FrameType
from typing import NoReturn

POLL_INTERVAL = 0.5  # seconds
TERMINATED = 128 + signal.SIGTERM  # the exit code that shells use


@cache  # a single thread for all jobs of a process
def end_with_parent(parent: int) -> None:
    """Ends this process soon after its parent has ended, even if the parent was killed.

    Does nothing if ``parent`` is not the parent, as in a worker that a cluster has started.
    """
    if os.getppid() != parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_INTERVAL)
        os._exit(TERMINATED)

    threading.Thread(target=watch, daemon=True, name="end_with_parent").start()


@contextmanager
def ending_its_children() -> Generator[None]:
    """On any exception, kills the child processes that were started within and waits for their end.

    Otherwise Python would wait for them only at its exit, after the locks have been released. They are
    killed, because a spawned child has no handler that would end it in time.
    """
    before = set(active_children())
    try:
        yield
    except BaseException:
        started = set(active_children()) - before
        for child in started:
            child.kill()
        for child in started:
            child.join()
        raise


@contextmanager
def ending_by_signals() -> Generator[None]:
    """Within it SIGTERM raises SystemExit with code 143, as Ctrl-C raises KeyboardInterrupt.

    The next two signals are ignored, so that the end of the command is not interrupted. A further signal
    ends the process, in case Python lost the SystemExit, as it does in a ``__del__``. At Python's exit,
    which restores the default handlers, all signals are ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread has handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    interrupted = False
    try:
        yield
    except BaseException as end:
        interrupted = isinstance(end, KeyboardInterrupt) or getattr(end, "code", None) == TERMINATED
        raise
    finally:
        if interrupted:
            _ignore_signals()  # again, because Lightning has restored its own handlers
            atexit.register(_handle_both, signal.SIG_IGN)
        else:
            signal.signal(signal.SIGTERM, before)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    raise SystemExit(TERMINATED)


def _ignore_signals() -> None:
    ignored = 0

    def ignore(signum: int, frame: FrameType | None) -> None:
        nonlocal ignored
        ignored += 1
        if ignored == 2:
            _handle_both(signal.SIG_DFL)

    _handle_both(ignore)


def _handle_both(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
