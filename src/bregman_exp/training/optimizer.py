"""Optimizers and learning-rate schedules by name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "multistep", "cosine", "onecycle")


@dataclass
class Optim:
    """Settings of the optimizer and of its learning-rate schedule.

    optimizer: sgd | adam | adamw. lr: learning rate (the maximum for onecycle). momentum, nesterov: sgd only.
    schedule: constant | multistep (× gamma at each of ``milestones``, in epochs) | cosine (to 0) | onecycle.
    l1: λ ≥ 0 of a proximal step W ← sign(W) max(|W| − lr · λ, 0) on the hidden weights after every step.

    Raises ValueError for a value out of range.
    """

    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    schedule: str = "multistep"
    milestones: list[int] = field(default_factory=list)
    gamma: float = 0.1
    l1: float = 0.0

    def __post_init__(self) -> None:
        _require_name("optim.optimizer", self.optimizer, OPTIMIZERS)
        _require_name("optim.schedule", self.schedule, SCHEDULES)
        _require(0 < self.lr < float("inf"), f"optim.lr={self.lr}: the learning rate must be > 0")
        _require(0 <= self.momentum < 1, f"optim.momentum={self.momentum}: it must lie in [0, 1)")
        _require(self.weight_decay >= 0, f"optim.weight_decay={self.weight_decay}: it must be ≥ 0")
        _require(0 < self.gamma <= 1, f"optim.gamma={self.gamma}: it must lie in (0, 1]")
        _require(self.l1 >= 0, f"optim.l1={self.l1}: it must be ≥ 0")
        _require(
            not self.nesterov or self.momentum > 0,
            "optim.nesterov=true: Nesterov's method needs optim.momentum > 0",
        )
        rising = all(a < b for a, b in zip(self.milestones, self.milestones[1:], strict=False))
        _require(
            rising and all(m > 0 for m in self.milestones),
            f"optim.milestones={list(self.milestones)}: they must be rising epochs, each ≥ 1",
        )

    @property
    def label(self) -> str:
        """E.g. "sgd, lr 0.1, momentum 0.9, weight decay 0.0001, lr × 0.1 at epochs 91, 136"."""
        parts = [self.optimizer, f"lr {self.lr:g}"]
        if self.optimizer == "sgd":
            parts.append(f"{'Nesterov ' if self.nesterov else ''}momentum {self.momentum:g}")
        parts.append(f"weight decay {self.weight_decay:g}")
        parts += [f"l1 {self.l1:g}"] if self.l1 else []
        if self.schedule != "multistep":
            parts.append(f"{self.schedule} lr")
        elif self.milestones:
            parts.append(f"lr × {self.gamma:g} at epochs {', '.join(map(str, self.milestones))}")
        return ", ".join(parts)

    def build_optimizer(self, parameters: Iterable[Parameter], captured: bool = False) -> Optimizer:
        """The torch optimizer; on a GPU it is fused: one kernel updates all parameters.

        ``captured``: its step will be part of a CUDA graph.
        """
        parameters = list(parameters)
        on_gpu = all(parameter.is_cuda for parameter in parameters)
        fused = True if on_gpu else None
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                parameters,
                lr=self.lr,
                momentum=self.momentum,
                nesterov=self.nesterov,
                weight_decay=self.weight_decay,
                fused=fused,
            )
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
        capturable = captured and on_gpu
        return kind(
            parameters, lr=self.lr, weight_decay=self.weight_decay, fused=fused, capturable=capturable
        )

    def build_schedule(self, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler | None:
        """The torch scheduler, to be stepped after every optimizer step; None for a constant rate.

        It counts steps, not epochs, so a run resumed at an epoch's end continues with the same rates.
        """
        total = epochs * steps_per_epoch
        builders: dict[str, Callable[[], LRScheduler | None]] = {
            "constant": lambda: None,
            "multistep": lambda: MultiStepLR(
                optimizer, [m * steps_per_epoch for m in self.milestones], gamma=self.gamma
            ),
            "cosine": lambda: CosineAnnealingLR(optimizer, T_max=total),
            # the scheduler also steps after the last optimizer step, for which torch needs one step more
            "onecycle": lambda: OneCycleLR(
                optimizer, max_lr=self.lr, total_steps=total + 1, cycle_momentum=False
            ),
        }
        return builders[self.schedule]()

    def rates(self, epochs: int, steps_per_epoch: int) -> Iterator[float]:
        """The learning rate of every step of a training, as the scheduler sets it."""
        stand_in = torch.optim.SGD([torch.zeros(1)], lr=self.lr)
        schedule = self.build_schedule(stand_in, epochs, steps_per_epoch)
        for _ in range(epochs * steps_per_epoch):
            yield stand_in.param_groups[0]["lr"]
            stand_in.step()  # torch warns if the scheduler steps first
            if schedule is not None:
                schedule.step()


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence + ".")


def _require_name(key: str, value: str, allowed: tuple[str, ...]) -> None:
    _require(value in allowed, f"{key}={value} does not exist; use one of {', '.join(allowed)}")
