"""The plan of the measurements on a GPU: their sizes and their order."""

from dataclasses import dataclass

import torch

from benchmarks.lanes import Setting
from benchmarks.networks import STANDARD
from bregman_exp.data import PaddedImages, Split
from bregman_exp.training.form import FORMS, Form

SOFTPLUS = "bregman softplus"
ROWS = (SOFTPLUS, STANDARD)
PRECISIONS = (None, torch.bfloat16)
EPOCH = 352  # steps, in the published recipe


@dataclass(frozen=True)
class Plan:
    """The sizes; the defaults are those of the published table.

    batch: images a step; networks: how many train side by side, ascending, including the ``seeds`` of the
    table; images: for training, with ``pixels`` a side; seconds: of one timing; kernels_of: variants of a
    step whose kernels are listed; product: side of the multiplied matrices; copied: float32 values;
    attacked: test images, attacked in batches of ``attack_batches`` with ``attack_steps`` of PGD.
    """

    device: torch.device
    batch: int = 128
    forms: tuple[Form, ...] = FORMS["cuda"]
    networks: tuple[int, ...] = (1, 2, 5, 10)
    seeds: int = 5
    images: int = EPOCH * 128
    pixels: int = 32
    seconds: float = 0.25
    kernels_of: tuple[str, ...] = ("compiled-tf32", "compiled bf16")
    product: int = 8192
    copied: int = 2**28
    attacked: int = 2000
    attack_batches: tuple[int, ...] = (250, 2000)
    attack_steps: int = 50

    def quick(self) -> list[Setting]:
        """The settings that are not compiled, in their order."""
        return [setting for setting in self._settings() if not setting.form.compiled]

    def slow(self) -> list[Setting]:
        """The compiled settings: fast arithmetic first, and softplus first, which stands for four rows."""
        order = {"tf32": 0, "bf16": 1, "float32": 2}

        def position(setting: Setting) -> tuple[bool, int, int]:
            exact = setting.arithmetic == "float32"
            return exact, ROWS.index(setting.row), order[setting.arithmetic]

        return sorted((setting for setting in self._settings() if setting.form.compiled), key=position)

    def training_images(self) -> PaddedImages:
        """Random images, on the device."""
        random = torch.Generator().manual_seed(0)
        size = (self.images, 3, self.pixels, self.pixels)
        x = torch.randint(256, size, generator=random, dtype=torch.uint8)
        y = torch.randint(10, (self.images,), generator=random)
        return PaddedImages(Split(x, y, torch.arange(self.images)), self.device)

    def _settings(self) -> list[Setting]:
        return [
            Setting(row, form, half)
            for half in PRECISIONS
            for form in self.forms
            for row in ROWS
            if not (form.tf32 and half)
        ]
