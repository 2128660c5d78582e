"""How processes end: a child with its parent, a command by a signal."""

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

PATIENCE = 0.5  # seconds between two looks at the parent
TERMINATED = 128 + signal.SIGTERM  # the exit code that shells give


@cache  # one thread a process, whatever the number of its jobs
def end_with_parent(parent: int) -> None:
    """Ends this process soon after its parent has ended, however that was killed; else it worked on alone.

    Does nothing where ``parent`` is not the parent, as with a worker that a cluster has started.
    """
    if os.getppid() != parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PATIENCE)
        os._exit(TERMINATED)

    threading.Thread(target=watch, daemon=True, name="end_with_parent").start()


@contextmanager
def ending_its_children() -> Generator[None]:
    """However it is left by an exception, the processes that were started within have ended before.

    Python itself would wait for them at its exit, after the locks have been given back. A spawned child has
    no handler that could end it in time: it is killed.
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
    """Within it SIGTERM raises SystemExit with the code 143, as Ctrl-C raises KeyboardInterrupt.

    From then on both are ignored: what the command does at its end is not interrupted once more. The second
    that is ignored is the last: a further signal ends the process, should Python have lost the SystemExit, as
    it does in a ``__del__``. While Python ends, which puts the defaults back, every signal is ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers belong to the main thread
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
            _ignore_signals()  # Lightning has put its own handlers back since
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
