"""Several networks in one process, each on a stream of its own."""

from bregman_exp.training.side_by_side.classifier import SideBySide as SideBySide
from bregman_exp.training.side_by_side.forward import Forward as Forward
from bregman_exp.training.side_by_side.forward import Logits as Logits
from bregman_exp.training.side_by_side.forward import OwnForward as OwnForward
from bregman_exp.training.side_by_side.forward import SharedForward as SharedForward
from bregman_exp.training.side_by_side.lane import Lane as Lane
