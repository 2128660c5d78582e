"""What is measured on a GPU, how much of it, and in which order."""

from dataclasses import dataclass

import torch

from benchmarks.lanes import Setting
from benchmarks.networks import STANDARD
from bregman_exp.data import PaddedImages, Split
from bregman_exp.training import FORMS, Form

SOFTPLUS = "bregman softplus"
ROWS = (SOFTPLUS, STANDARD)
PRECISIONS = (None, torch.bfloat16)
EPOCH = 352  # steps: of the published recipe


@dataclass(frozen=True)
class Plan:
    """As large as in the published table; a test takes little of everything.

    batch: images a step; networks: how many side by side, rising, among them the ``seeds`` of the table;
    images: of training, with so many pixels a side; seconds: of one timing; kernels_of: the ways of a step
    that are looked into; product, copied: the side of the matrices and the float32 values that give the
    floors; attacked: test images, at each of the batch sizes ``at_a_time``, with so many steps of PGD.
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
    at_a_time: tuple[int, ...] = (250, 2000)
    attack_steps: int = 50

    def quick(self) -> list[Setting]:
        """Those that nothing is compiled for, in the order of their turns."""
        return [setting for setting in self._settings() if not setting.form.compiled]

    def slow(self) -> list[Setting]:
        """The compiled ones: first the fast ones, of a row of the table that has four like it."""
        order = {"tf32": 0, "bf16": 1, "float32": 2}

        def turn(setting: Setting) -> tuple[bool, int, int]:
            exact = setting.arithmetic == "float32"
            return exact, ROWS.index(setting.row), order[setting.arithmetic]

        return sorted((setting for setting in self._settings() if setting.form.compiled), key=turn)

    def training_images(self) -> PaddedImages:
        """Random ones, on the device."""
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
