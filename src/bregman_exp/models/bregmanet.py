"""Networks of the library bregmanet 1.0.0: its state dicts as networks of this project."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.models.architecture import cifar_architecture
from bregman_exp.models.input_map import InputMap
from bregman_exp.models.mlp import MLP, mlp
from bregman_exp.models.resnet import Normalize, ResNet

RESNET_CLAMP, MLP_CLAMP = 2e-5, 1e-5  # of z, in bregmanet's blocks and layers
STAGES = ("layer1", "layer2", "layer3")


def from_bregmanet(
    state: Mapping[str, Tensor], *, act: Activation, version: str = "bregman", normalize: Normalize = None
) -> nn.Module:
    """The network of bregmanet 1.0.0 with this state dict, in eval mode: an MLP or a small ResNet.

    ``act``: the map it was made with. bregmanet's softplus has β = 1000 by default; its "relu" of Bregman
    networks is ``squareplus_as_released``, its "sigmoid" ``sigmoid_as_released``, its "sin"
    ``sin_as_released`` (see docs/bregmanet.md); the right maps give a network of the same weights and other
    logits. ``version``: "bregman" or "standard"; its standard ResNets cannot be built. ``normalize``: the
    first layer of a ResNet, for images in [0, 1]; None: the network takes what bregmanet's took. An MLP takes
    the inputs of bregmanet's, inside the range of the map.

    Shapes: those of the network. Raises ValueError for a state dict of neither, of a bottleneck or
    four-stage ResNet, of an MLP whose width changes, and for keys or shapes that do not fit.
    """
    if "lin.0.weight" in state:
        net = _mlp(state, act, version)
    elif "layer1.0.conv1.weight" in state and "linear.weight" in state:
        net = _resnet(state, act, version, normalize)
    else:
        raise ValueError(
            "the state dict is of no MLP (lin.0.weight) and of no small ResNet (layer1.0.conv1.weight, "
            "linear.weight) of bregmanet; give net.state_dict() of one of these."
        )
    return net.eval()


def _resnet(state: Mapping[str, Tensor], act: Activation, version: str, normalize: Normalize) -> ResNet:
    names = [key for key in state if re.fullmatch(r"layer.*\.conv1\.weight", key)]  # one of each block
    blocks = [sum(name.startswith(f"{stage}.") for name in names) for stage in STAGES]
    if len(set(blocks)) != 1:
        raise ValueError(f"the stages have {blocks} blocks; only ResNets with as many in each are converted.")
    shape = cifar_architecture(blocks[0])
    classes, clamp = len(state["linear.weight"]), RESNET_CLAMP if version == "bregman" else None
    net = ResNet(shape, act, version, classes, normalize, clamp, shape.usual_shortcut)
    _load(net, dict(state))
    return net.to(memory_format=torch.channels_last)


def _mlp(state: Mapping[str, Tensor], act: Activation, version: str) -> MLP:
    weights = [value for key, value in state.items() if re.fullmatch(r"lin\.\d+\.weight", key)]
    widths, inputs = [len(weight) for weight in weights], weights[0].shape[1]
    if version != "standard" and {inputs, *widths} != {inputs}:
        raise ValueError(
            f"the MLP has widths {[inputs, *widths]}; only those of one width are converted: where the width "
            "changes, bregmanet replaces its weights in every forward pass."
        )
    classes = len(state["output.weight"])
    net = mlp(widths, act=act, version=version, in_features=inputs, num_classes=classes, clamp=MLP_CLAMP)
    net.input_map = InputMap([1.0], [0.0])
    _load(net, {re.sub(r"^lin\.(\d+)\.", r"layers.\1.linear.", key): value for key, value in state.items()})
    return net


def _load(net: nn.Module, state: dict[str, Tensor]) -> None:
    try:
        net.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(f"the state dict does not fit: {str(error).splitlines()[-1].strip()}") from None
