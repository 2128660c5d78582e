"""The cost of ResNets of three depths on paper, and the floors it gives on this machine."""

import bregman_exp as bx
from benchmarks.counting import cost
from benchmarks.options import Options
from benchmarks.roofline import roofline
from benchmarks.row import Row, alone

DEPTHS = (20, 56, 110)
VERSIONS = {"standard": "relu", "bregman": "tanh"}  # the activation changes neither operations nor bytes


def rows(options: Options) -> list[Row]:
    """What the machine does in a second; then the floor of each network, the larger of its two."""
    here = roofline()
    return [
        alone("cost", "machine, operations", here.operations / 1e9, "GFLOP/s"),
        alone("cost", "machine, memory", here.bandwidth / 1e9, "GB/s"),
        *(
            _floor(version, depth, training, options.batch)
            for depth in DEPTHS
            for version in VERSIONS
            for training in (True, False)
        ),
    ]


def _floor(version: str, depth: int, training: bool, batch: int) -> Row:
    found = cost(bx.resnet(depth, act=VERSIONS[version], version=version), batch, training)
    computing, moving = (1e3 * seconds for seconds in roofline().floors(found))
    told = {
        "GFLOP": found.operations / 1e9,
        "GB": found.bytes / 1e9,
        "ms of operations": computing,
        "ms of bytes": moving,
    }
    what = "training step" if training else "inference"
    return alone("cost", f"{version} ResNet{depth}, {what}", max(computing, moving), "ms at least", **told)
