"""The table of all models: parameters and multiply-adds, counted without weights."""

import re
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from rich.table import Column, Table
from torch import nn

from bregman_exp import build
from bregman_exp.cli.command import plain_container
from bregman_exp.cli.run_summary import multiply_adds
from bregman_exp.config import Mlp, Run, check, conf_dir

POINT = (2,)  # of two-spiral
SMALLEST = 8  # pixels to a side
VERSIONS = ("bregman_", "euclidean_")  # prefixes of the other versions of a standard model
CAPTION = "bregman_<model> has the same parameters and multiply-adds; so has euclidean_mlp"


def model_list(pixels: int, classes: int) -> Table:
    """A line for each architecture: the shape of a sample, parameters, multiply-adds of a sample.

    Raises ValueError for a size or a number of classes that no network has.
    """
    if pixels < SMALLEST or classes < 2:
        raise ValueError(
            f"--image {pixels} --classes {classes}: use {SMALLEST} pixels or more, and 2 classes or more."
        )
    counts = (Column(heading, justify="right") for heading in ("parameters", "multiply-adds"))
    table = Table("model", "sample", "classes", *counts, caption=CAPTION, caption_justify="left")
    for run in (composed(f"model={name}") for name in standard_models()):
        shape, of_classes = (POINT, 2) if isinstance(run.model, Mlp) else ((3, pixels, pixels), classes)
        net = network_without_weights(run, shape, of_classes)
        parameters = sum(p.numel() for p in net.parameters())
        adds = multiply_adds(net, torch.zeros(1, *shape, device="meta"))
        sample = "×".join(map(str, shape))
        table.add_row(run.model_name, sample, str(of_classes), f"{parameters:,}", f"{adds or 0:,}")
    return table


def network_without_weights(run: Run, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network for samples of this shape, on the meta device."""
    run = build.with_stem_for(run, shape)
    with torch.device("meta"):
        return build.network(run, build.activation(run), shape, classes, None)


def composed(*overrides: str) -> Run:
    """The config of ``train.py`` with these overrides."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = plain_container(compose("train", list(overrides)))
    del plain["seeds"]
    return check(plain | {"seed": 0})


def standard_models() -> list[str]:
    """The names of the standard models in conf/, each family by depth."""
    names = [file.stem for file in (Path(conf_dir()) / "model").glob("*.yaml")]
    return sorted((name for name in names if not name.startswith(VERSIONS)), key=_family_and_depth)


def _family_and_depth(name: str) -> tuple[str, int]:
    family, depth, _ = (*re.split(r"(\d+)", name, maxsplit=1), "0", "")[:3]
    return family, int(depth)
