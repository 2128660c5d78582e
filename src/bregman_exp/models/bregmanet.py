"""Networks of the library bregmanet 1.0.0: its state dicts as networks of this project."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.geometry.as_released import SinAsReleased
from bregman_exp.models.architecture import Architecture, architecture, cifar_architecture
from bregman_exp.models.input_map import InputMap
from bregman_exp.models.mlp import MLP, mlp
from bregman_exp.models.resnet import Normalize, ResNet

RESNET_CLAMP, MLP_CLAMP = 2e-5, 1e-5  # of z, in bregmanet's blocks and layers


def from_bregmanet(
    state: Mapping[str, Tensor], *, act: Activation, version: str = "bregman", normalize: Normalize = None
) -> nn.Module:
    """The network of bregmanet 1.0.0 with this state dict, in eval mode: an MLP or a ResNet of basic blocks.

    ``act``: the map it was made with. bregmanet's softplus has β = 1000 by default; its "relu" of Bregman
    networks is ``squareplus_as_released``, its "sigmoid" ``sigmoid_as_released``, its "sin"
    ``sin_as_released`` (see docs/bregmanet.md); the right maps give a network of the same weights and other
    logits. ``version``: "bregman" or "standard"; its standard ResNets cannot be built. ``normalize``: the
    first layer of a ResNet, for images in [0, 1]; None: the network takes what bregmanet's took. An MLP takes
    the inputs of bregmanet's, inside the range of the map.

    The projections ("downsample") of a large Bregman ResNet are left out: bregmanet trains and stores them,
    but its forward pass does not use them. Whatever activation a large ResNet is made with, its blocks have
    softplus, so only one made with softplus, the default, is a network with one map.

    Where the width of an MLP changes, bregmanet replaces its weights in every forward pass, also in
    evaluation: the network here gives the logits of the first pass after this state dict was saved or loaded.

    Shapes: those of the network. Raises ValueError for another version, for a state dict of neither, of a
    bottleneck ResNet, of a large one with "sin" (whose max-pooling acts on z, which is not increasing in u),
    and for keys or shapes that do not fit.
    """
    if version not in ("bregman", "standard"):
        raise ValueError(
            f"version is {version!r}; give 'bregman' or 'standard' (bregmanet's euclidean MLPs have no skip, "
            "so they are standard ones)."
        )
    if "lin.0.weight" in state:
        net = _mlp(state, act, version)
    elif "layer1.0.conv1.weight" in state:
        net = _resnet(state, act, version, normalize)
    else:
        raise ValueError(
            "the state dict is of no MLP (lin.0.weight) and no ResNet (layer1.0.conv1.weight) of bregmanet; "
            "give net.state_dict() of one of these."
        )
    return net.eval()


def _resnet(state: Mapping[str, Tensor], act: Activation, version: str, normalize: Normalize) -> ResNet:
    """A small ResNet has three stages and a layer "linear", a large one four and "fc"."""
    large, bregman = "fc.weight" in state, version == "bregman"
    shape = _architecture(state, large)
    if large and isinstance(act, SinAsReleased):
        raise ValueError(
            "bregmanet's large ResNets with sin are not converted: they take the maximum over z."
        )
    clamp = RESNET_CLAMP if bregman else None
    kept = {key: value for key, value in state.items() if not (bregman and ".downsample." in key)}
    classes = len(state[f"{shape.head_name}.weight"])
    shortcut = "pad" if bregman else shape.usual_shortcut
    net = ResNet(shape, act, version, classes, normalize, clamp, shortcut)
    _load(net, kept)
    return net.to(memory_format=torch.channels_last)


def _architecture(state: Mapping[str, Tensor], large: bool) -> Architecture:
    if "layer1.0.conv3.weight" in state:
        raise ValueError(
            "bregmanet's bottleneck networks give NaN and are not converted; train bx.resnet(50)."
        )
    names = [key for key in state if re.fullmatch(r"layer.*\.conv1\.weight", key)]  # one of each block
    stages = [f"layer{number}." for number in range(1, 5 if large else 4)]
    blocks = tuple(sum(name.startswith(stage) for name in names) for stage in stages)
    if large:
        return replace(architecture(18, stem=None, skips=1, groups=1, width_per_group=64), blocks=blocks)
    if len(set(blocks)) != 1 or "linear.weight" not in state:
        raise ValueError(
            f"the stages have {list(blocks)} blocks; only ResNets with as many in each are converted."
        )
    return cifar_architecture(blocks[0])


def _mlp(state: Mapping[str, Tensor], act: Activation, version: str) -> MLP:
    weights = [value for key, value in state.items() if re.fullmatch(r"lin\.\d+\.weight", key)]
    net = mlp(
        [len(weight) for weight in weights],
        act=act,
        version=version,
        in_features=weights[0].shape[1],
        num_classes=len(state["output.weight"]),
        clamp=MLP_CLAMP,
        mixing="free",
    )
    net.input_map = InputMap([1.0], [0.0])
    _load(net, dict(_renamed(state, version)))
    return net


def _renamed(state: Mapping[str, Tensor], version: str) -> Iterator[tuple[str, Tensor]]:
    """Our names of an MLP's weights; those of a changing width as the next forward pass projects them."""
    for key, value in state.items():
        kind, _, rest = key.partition(".")
        number, _, name = rest.partition(".")
        if kind == "lin":
            yield f"layers.{number}.linear.{name}", value
        elif kind != "reparametrization":
            yield key, value
        elif version == "bregman":
            yield f"layers.{number}.mixing.weight", _projected(value)


def _projected(weight: Tensor) -> Tensor:
    """max(w_ij − (Σ_j w_ij − 1)/n, 0): bregmanet's "projection", after which no row sums to 1 in general."""
    return (weight - (weight.sum(dim=1, keepdim=True) - 1) / weight.shape[1]).clamp(min=0)


def _load(net: nn.Module, state: dict[str, Tensor]) -> None:
    try:
        net.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(f"the state dict does not fit: {str(error).splitlines()[-1].strip()}") from None
