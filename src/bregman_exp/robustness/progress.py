"""The progress of a long evaluation."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LINE_INTERVAL = 30.0  # seconds, for output that is not a terminal


class EvaluationProgress:
    """Shows samples done, samples still right and time left of each attack; use it as ``on_progress``."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        self._bar = Progress(
            *columns, TimeRemainingColumn(), console=self.console, disable=not self.console.is_terminal
        )
        self._tasks: dict[str, int] = {}
        self._start: dict[str, tuple[float, int]] = {}  # time, and samples that were already done
        self._last_line = time.perf_counter()

    def __enter__(self) -> "EvaluationProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int, right: int) -> None:
        figures = f"{done}/{total}, {right} still right"
        if name not in self._tasks:
            for task in self._tasks.values():  # an audit runs dozens of attacks
                self._bar.update(task, visible=False)  # pyright: ignore
            self._tasks[name] = self._bar.add_task(name, total=total, figures="")
            self._start[name] = time.perf_counter(), done
        self._bar.update(self._tasks[name], completed=done, figures=figures)  # pyright: ignore
        if not self.console.is_terminal and time.perf_counter() - self._last_line > LINE_INTERVAL:
            self._last_line = time.perf_counter()
            self.console.print(f"{name}  {figures}{self._time_left(name, done, total)}", highlight=False)

    def _time_left(self, name: str, done: int, total: int) -> str:
        """The time left for this attack, at its speed so far."""
        start, before = self._start[name]
        if done == before:
            return ""
        return f", {(time.perf_counter() - start) / (done - before) * (total - done):.0f} s left"
