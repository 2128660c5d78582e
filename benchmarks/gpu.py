"""On a GPU: floors, training steps of two rows in every form, their kernels, attacks, the table's time."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import torch

from benchmarks import kernels, table_time
from benchmarks.counting import cost
from benchmarks.evaluation import TRAIN_IMAGES, paper, trained
from benchmarks.gpu_plan import ROWS, Plan
from benchmarks.images import synthetic
from benchmarks.lanes import Reference, Setting, forward_of, lane, speed
from benchmarks.networks import network
from benchmarks.options import Options
from benchmarks.roofline import card
from benchmarks.row import Row, alone
from bregman_exp.training.form import Tried, computing_in
from bregman_exp.training.side_by_side import Lane

Lines = Callable[[], Iterator[Row]]


def require_gpu() -> None:
    """Exits with a sentence where torch sees no GPU."""
    if not torch.cuda.is_available():
        sys.exit("--what gpu needs a GPU; torch sees none here.")


def rows(options: Options) -> Iterator[Row]:
    """The lines as they are measured; after ``--seconds-in-all`` no measurement begins."""
    end = time.perf_counter() + options.seconds_in_all
    return Course(Plan(torch.device("cuda"), options.batch), options, end).lines()


@dataclass
class Course:
    """The measurements in turn, with the figures of earlier lines that later ones need."""

    plan: Plan
    options: Options
    end: float  # on the clock of time.perf_counter
    # (row, arithmetic) -> the least seconds of a step
    floors: dict[tuple[str, str], float] = field(default_factory=dict)
    # of forms that agree with the plain step: seconds of a step of all seeds
    step_seconds: dict[Setting, float] = field(default_factory=dict)
    attack_rate: float | None = None  # images a second

    def __post_init__(self) -> None:
        self.images = self.plan.training_images()
        self.reference = cache(lambda row: Reference(row, self.images, self.plan.batch))

    def lines(self) -> Iterator[Row]:
        """The most informative first. A measurement that fails, or has no time left, is a line, too."""
        parts: list[tuple[str, str, Lines]] = [("floors", "all", self._floors)]
        parts += [("steps", each.label, partial(self._steps, each)) for each in self.plan.quick()]
        parts += [("attacks", "all", self._attacks)]
        parts += [("steps", each.label, partial(self._steps, each)) for each in self.plan.slow()]
        for subject, case, lines in parts:
            if self._time_is_up():
                yield _left_out(subject, case)
                continue
            try:
                yield from lines()
            except Exception as error:  # out of memory, or any error of a compiler or a driver
                yield _failed(subject, case, error)
            self._free_memory()
        yield from table_time.rows(self.step_seconds, self.plan.seeds, self.attack_rate)

    def _floors(self) -> Iterator[Row]:
        floors = card(self.plan.device, self.plan.product, self.plan.copied)
        yield alone("floors", "copy, read and written", floors["float32"].bandwidth / 1e9, "GB/s")
        for name, floor in floors.items():
            yield alone("floors", f"matrix products, {name}", floor.operations / 1e12, "TFLOP/s")
        for row in ROWS:
            in_float32 = cost(network(row), self.plan.batch, training=True)
            for name, floor in floors.items():
                of_step = replace(in_float32, bytes=in_float32.bytes / 2) if name == "bf16" else in_float32
                computing, moving = floor.floors(of_step)
                least = self.floors[row, name] = max(computing, moving)
                details = {"ms of operations": 1e3 * computing, "ms of bytes": 1e3 * moving}
                yield alone("floors", f"{row}, step, {name}", 1e3 * least, "ms at least", **details)

    def _steps(self, setting: Setting) -> Iterator[Row]:
        plan, lanes, reference = self.plan, list[Lane](), self.reference(setting.row)
        with computing_in(setting.form):
            reference.prepare(setting)
            start = time.perf_counter()
            forward = forward_of(reference.net, setting.form, plan.batch)
            tried = reference.compare(setting, forward)
            setup_seconds = time.perf_counter() - start
            if tried.milliseconds is None:
                yield alone("steps", setting.label, None, "", error=tried.reason)
                return
            figures = _differences(tried)
            make = partial(lane, setting, self.images, plan.batch, forward)
            for n in plan.networks:
                case = f"{setting.label}, {n} side by side"
                if self._time_is_up():
                    yield _left_out("steps", case)
                    return
                start = time.perf_counter()
                lanes += [make(seed, setting.form.captured) for seed in range(len(lanes), n)]
                setup_seconds += time.perf_counter() - start
                measured = speed(lanes, plan.seconds)
                if n == plan.seeds and tried.outcome != "refused":
                    self.step_seconds[setting] = measured.step
                figures = {"host ms": 1e3 * measured.host, "ms a network": 1e3 * measured.step / n} | figures
                figures |= self._over_floor(setting, measured.step / n)
                figures |= {"s to make ready": setup_seconds}
                yield alone("steps", case, 1e3 * measured.step, "ms", **figures, **self._memory())
                figures = {}
            if setting.variant in plan.kernels_of:
                yield from kernels.rows(make(0, False), setting.label)

    def _over_floor(self, setting: Setting, seconds: float) -> dict[str, float]:
        floor = self.floors.get((setting.row, setting.arithmetic))
        return {} if floor is None else {"times the floor": seconds / floor}

    def _attacks(self) -> Iterator[Row]:
        device = self.plan.device
        (x, y), (test_x, test_y) = synthetic(TRAIN_IMAGES, self.plan.attacked)
        net = trained(x.to(device), y.to(device), self.options)
        for batch in self.plan.attack_batches:
            line = paper(net, test_x, test_y, batch, self.plan.attack_steps)
            self.attack_rate = max(self.attack_rate or 0.0, line.value or 0.0)
            yield line

    def _time_is_up(self) -> bool:
        return time.perf_counter() > self.end

    def _memory(self) -> dict[str, float]:
        on_gpu = self.plan.device.type == "cuda"
        return {"GB": torch.cuda.max_memory_reserved() / 1e9} if on_gpu else {}

    def _free_memory(self) -> None:
        """Frees the memory of the last form; the lanes are reference cycles."""
        if self.plan.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def _differences(tried: Tried) -> dict[str, Any]:
    """The form's differences from the plain float32 step, and their bound."""
    figures = {
        "loss differs": tried.loss_difference,
        "gradient differs": tried.gradient_difference,
        "allowed": tried.bound,
    }
    return figures | ({"refused": "yes"} if tried.outcome == "refused" else {})


def _left_out(subject: str, case: str) -> Row:
    return alone(subject, case, None, "", **{"left out": "no seconds left"})


def _failed(subject: str, case: str, error: Exception) -> Row:
    message = str(error).strip().splitlines() or [""]
    return alone(subject, case, None, "", error=f"{type(error).__name__}: {message[0]}")
