"""The kernels of a training step, with their times."""

from dataclasses import dataclass

from torch.profiler import ProfilerActivity, profile

from benchmarks.lanes import begin, run
from benchmarks.row import Row, alone
from bregman_exp.training.side_by_side import Lane

STEPS = 3
SHOWN = 25
LONGEST_NAME = 90


@dataclass(frozen=True)
class Kernel:
    """``seconds`` and ``calls`` a step."""

    name: str
    seconds: float
    calls: float


def kernels(lane: Lane) -> list[Kernel]:
    """The kernels of a lane that is not captured, the longest first; on a CPU, its operations."""
    on_cpu = lane.device.type == "cpu"
    begin([lane])
    sizes = lane.batches.sizes
    run([lane], sizes[:1])
    activity = ProfilerActivity.CPU if on_cpu else ProfilerActivity.CUDA
    # without acc_events torch 2.11 warns of cycles
    with profile(activities=[activity], acc_events=True) as profiled:
        run([lane], sizes[1 : 1 + STEPS])
    entries = []
    for entry in profiled.key_averages():
        # an annotation covers kernels that have entries of their own
        if entry.device_type.name == lane.device.type.upper() and not entry.is_user_annotation:
            microseconds = entry.self_cpu_time_total if on_cpu else entry.self_device_time_total
            entries.append(Kernel(entry.key, 1e-6 * microseconds / STEPS, entry.count / STEPS))
    return sorted(entries, key=lambda kernel: -kernel.seconds)


def rows(lane: Lane, label: str) -> list[Row]:
    """The total time, then the shares of the longest."""
    subject, of_step = f"kernels of {label}", kernels(lane)
    seconds = sum(kernel.seconds for kernel in of_step)
    calls = sum(kernel.calls for kernel in of_step)
    return [
        alone(subject, f"all {len(of_step)} kinds", 1e3 * seconds, "ms a step", calls=calls),
        *(
            alone(
                subject,
                kernel.name[:LONGEST_NAME],
                100 * kernel.seconds / seconds,
                "%",
                **{"ms": 1e3 * kernel.seconds, "calls": kernel.calls},
            )
            for kernel in of_step[:SHOWN]
        ),
    ]
