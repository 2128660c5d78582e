"""Experiments with Bregman neural networks: usable without Hydra.

import bregman_exp as bx
rho = bx.legendre_map("softplus", beta=10.0)
net = bx.resnet(20, act=rho, version="bregman", num_classes=10, normalize="cifar10")
report = bx.robust_accuracy(net, images, labels, attack="pgd", norm="linf", eps=1 / 255)
net = bx.load("outputs/…/seed-0-…").net  # a trained network; .config, .figures
net = bx.pretrained("bregman_resnet20_tanh").net  # one that this project has trained; .card
frame = bx.results("outputs/…")  # the figures of all runs in that folder, a pandas.DataFrame
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bregman_exp.analysis.frame import results as results
    from bregman_exp.api import fast_inference as fast_inference
    from bregman_exp.api import from_bregmanet as from_bregmanet
    from bregman_exp.api import legendre_map as legendre_map
    from bregman_exp.api import mlp as mlp
    from bregman_exp.api import resnet as resnet
    from bregman_exp.build.loading import load as load
    from bregman_exp.robustness import robust_accuracy as robust_accuracy
    from bregman_exp.zoo import pretrained as pretrained

# name -> the module to import on first use: a table needs no torch, and a network no pandas
PARTS = {
    "fast_inference": "api",
    "from_bregmanet": "api",
    "legendre_map": "api",
    "load": "build.loading",
    "mlp": "api",
    "pretrained": "zoo",
    "resnet": "api",
    "results": "analysis.frame",
    "robust_accuracy": "robustness",
}


__all__ = list(PARTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __dir__() -> list[str]:
    return [*globals(), *PARTS]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("bregman-exp")
    if name not in PARTS:
        raise AttributeError(f"module 'bregman_exp' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"bregman_exp.{PARTS[name]}"), name)
    return globals()[name]
