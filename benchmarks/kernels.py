"""What the device does in a training step, by name."""

from dataclasses import dataclass

from torch.profiler import ProfilerActivity, profile

from benchmarks.lanes import begin, run
from benchmarks.row import Row, alone
from bregman_exp.training import Lane

STEPS = 3
SHOWN = 25
LONGEST_NAME = 90


@dataclass(frozen=True)
class Kernel:
    """Seconds and calls of a step."""

    name: str
    seconds: float
    calls: float


def kernels(lane: Lane) -> list[Kernel]:
    """Of a lane that is not captured, the longest first; on a CPU, its operations."""
    on_cpu = lane.device.type == "cpu"
    begin([lane])
    sizes = lane.batches.sizes
    run([lane], sizes[:1])
    activity = ProfilerActivity.CPU if on_cpu else ProfilerActivity.CUDA
    with profile(activities=[activity], acc_events=True) as seen:  # without it torch 2.11 warns of cycles
        run([lane], sizes[1 : 1 + STEPS])
    shown = []
    for entry in seen.key_averages():
        # an annotation covers kernels that have entries of their own
        if entry.device_type.name == lane.device.type.upper() and not entry.is_user_annotation:
            microseconds = entry.self_cpu_time_total if on_cpu else entry.self_device_time_total
            shown.append(Kernel(entry.key, 1e-6 * microseconds / STEPS, entry.count / STEPS))
    return sorted(shown, key=lambda kernel: -kernel.seconds)


def rows(lane: Lane, label: str) -> list[Row]:
    """The time of all, then the share of each of the first."""
    subject, every = f"kernels of {label}", kernels(lane)
    seconds = sum(kernel.seconds for kernel in every)
    calls = sum(kernel.calls for kernel in every)
    return [
        alone(subject, f"all {len(every)} kinds", 1e3 * seconds, "ms a step", calls=calls),
        *(
            alone(
                subject,
                kernel.name[:LONGEST_NAME],
                100 * kernel.seconds / seconds,
                "%",
                **{"ms": 1e3 * kernel.seconds, "calls": kernel.calls},
            )
            for kernel in every[:SHOWN]
        ),
    ]
