"""The operations and bytes of ResNets of three depths, and the least times they take on this machine."""

import bregman_exp as bx
from benchmarks.counting import cost
from benchmarks.options import Options
from benchmarks.roofline import roofline
from benchmarks.row import Row, alone

DEPTHS = (20, 56, 110)
VERSIONS = {"standard": "relu", "bregman": "tanh"}  # the activation changes neither operations nor bytes


def rows(options: Options) -> list[Row]:
    """The machine's speeds; then each network's floor, the larger of those by operations and by bytes."""
    machine = roofline()
    return [
        alone("cost", "machine, operations", machine.operations / 1e9, "GFLOP/s"),
        alone("cost", "machine, memory", machine.bandwidth / 1e9, "GB/s"),
        *(
            _floor(version, depth, training, options.batch)
            for depth in DEPTHS
            for version in VERSIONS
            for training in (True, False)
        ),
    ]


def _floor(version: str, depth: int, training: bool, batch: int) -> Row:
    of_network = cost(bx.resnet(depth, act=VERSIONS[version], version=version), batch, training)
    computing, moving = (1e3 * seconds for seconds in roofline().floors(of_network))
    details = {
        "GFLOP": of_network.operations / 1e9,
        "GB": of_network.bytes / 1e9,
        "ms of operations": computing,
        "ms of bytes": moving,
    }
    case = f"{version} ResNet{depth}, {'training step' if training else 'inference'}"
    return alone("cost", case, max(computing, moving), "ms at least", **details)
