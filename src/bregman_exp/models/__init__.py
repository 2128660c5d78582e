"""Networks: nn.Modules that take an activation object, never its name."""

from bregman_exp.models.bregmanet import from_bregmanet as from_bregmanet
from bregman_exp.models.fused import FusedForm as FusedForm
from bregman_exp.models.layer_map import learned_range as learned_range
from bregman_exp.models.mlp import MLP as MLP
from bregman_exp.models.mlp import mlp as mlp
from bregman_exp.models.primal import PrimalForm as PrimalForm
from bregman_exp.models.primal import primal_forward as primal_forward
from bregman_exp.models.resnet import ResNet as ResNet
from bregman_exp.models.resnet import folded as folded
from bregman_exp.models.resnet import resnet as resnet
