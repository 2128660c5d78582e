"""Several networks in one process, each with its own optimizer and CUDA stream."""

from bregman_exp.training.side_by_side.classifier import SideBySide as SideBySide
from bregman_exp.training.side_by_side.lane import Lane as Lane
