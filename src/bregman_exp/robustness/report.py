"""The public function for the robust accuracy under an attack."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attacks.function import Perturb
from bregman_exp.robustness.evaluation import evaluate
from bregman_exp.robustness.result import Accuracy, Check, Evaluation, Verdict
from bregman_exp.robustness.spec import AttackSpec

Network = Callable[[Tensor], Tensor]  # images (N, …) in [0, 1] -> logits (N, K)
Images = Tensor | np.ndarray | DataLoader[Any] | Dataset[Any]
READ_AT_ONCE = 1000  # samples of a data set


@dataclass(frozen=True)
class Report:
    """A robust accuracy with its evidence; ``print(report)`` shows it in one line.

    attack: e.g. "pgd-linf-0.0039"; norm, eps: the ball, in units of data in [0, 1]; clean: the clean
    accuracy, with .accuracy .correct .n .ci95. accuracy, correct, ci95 and survivors (N,) bool are None if
    the attack's points failed verification; n is the number of samples; checks have name, status, value,
    limit.
    adversarial: with points=True the points (N, …), the sample itself where it was wrong before; else None.
    """

    accuracy: float | None
    correct: int | None
    n: int
    ci95: tuple[float, float] | None
    survivors: Tensor | None
    checks: list[Check]
    verdict: Verdict
    attack: str
    norm: str
    eps: float
    clean: Accuracy
    adversarial: Tensor | None = None

    @classmethod
    def of(cls, evaluation: Evaluation, images: Tensor, points: bool) -> "Report":
        entry = evaluation.robust[0]
        result = entry.result
        return cls(
            accuracy=None if result is None else result.accuracy,
            correct=None if result is None else result.correct,
            n=entry.n,
            ci95=None if result is None else result.ci95,
            survivors=entry.survivors,
            checks=evaluation.checks,
            verdict=entry.verdict,
            attack=entry.id,
            norm=entry.spec.norm,
            eps=entry.spec.eps,
            clean=evaluation.clean,
            adversarial=_all_points(images, entry.attacked, entry.points) if points else None,
        )

    def __str__(self) -> str:
        """E.g. "pgd-linf-0.0039: 89.50 % right (95 % interval 84.5 – 93.0), clean 94.00 %, n = 200: unchecked"."""  # noqa: E501
        failed = [check.name for check in self.checks if check.status == "failed"]
        figure = "no number"
        if self.accuracy is not None and self.ci95 is not None:
            ends = " – ".join(f"{100 * end:.1f}" for end in self.ci95)
            figure = f"{100 * self.accuracy:.2f} % right (95 % interval {ends})"
        verdict = f"{self.verdict} ({', '.join(failed)} failed)" if failed else str(self.verdict)
        return f"{self.attack}: {figure}, clean {100 * self.clean.accuracy:.2f} %, n = {self.n}: {verdict}"


def robust_accuracy(
    net: Network,
    images: Images,
    labels: Tensor | np.ndarray | None = None,
    attack: str | Attack | Perturb = "pgd",
    norm: str = "linf",
    eps: float | str = 1 / 255,
    *,
    audit: bool = False,
    points: bool = False,
    source: Network | None = None,
    ids: Tensor | None = None,
    seed: int = 0,
    batch_size: int = 250,
    **settings: Any,
) -> Report:
    """The share of samples that are still classified correctly after an attack of size eps.

        robust_accuracy(net, images, labels, attack="pgd", norm="l2", eps=0.25, steps=20)

    ``net``: a module, or any function of images that torch can differentiate (put what is in it into eval
    mode). ``images`` (N, …) in [0, 1] or uint8, ``labels`` (N,): tensors or NumPy arrays, or without labels a
    DataLoader or data set; net returns logits (N, K). ``attack``: a name ("pgd", "suite", "autoattack", …:
    ``ATTACKS``) or a function (``Function``). ``norm``: linf or l2; ``eps``: in units of data in [0, 1], a
    number or "8/255". ``audit``: run every check; only then can PGD or a suite be "reliable". ``points``:
    return the points. ``source``: a model whose adversarial points attack=transfer and the audit show to net.
    ``ids`` (N,), default 0 … N−1, and ``seed`` key the random numbers; ``batch_size``: samples at a time.
    ``settings``: the attack's, e.g. of "pgd" steps=50, rel_step=0.25 (in units of eps), restarts=1;
    ``evaluate.py --help`` has all. Raises ValueError for an invalid argument.
    """
    x, y = _samples(images, labels)
    spec, model = AttackSpec.of(attack, norm, eps, **settings), _as_module("net", net)
    options: dict[str, Any] = {"ids": ids, "seed": seed, "batch_size": batch_size, "audit": audit}
    other = None if source is None else _as_module("source", source)
    evaluation = evaluate(model, x, y, [spec], source=other, keep_points=points, **options)
    return Report.of(evaluation, x, points)


class FunctionModule(nn.Module):
    """A function of images as a module."""

    def __init__(self, function: Network):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _as_module(name: str, network: Any) -> nn.Module:
    if isinstance(network, nn.Module):
        return network
    if isinstance(network, type) or not callable(network):
        raise ValueError(
            f"{name} is a {type(network).__name__}; it must be a torch.nn.Module or a function of images."
        )
    function: Any = network
    return FunctionModule(function)


def _samples(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """(x, y) from arrays, or from the batches of a loader or data set."""
    if labels is not None:
        return _tensor("images", images), _tensor("labels", labels)
    if isinstance(images, Dataset) and not isinstance(images, DataLoader):
        images = DataLoader(images, batch_size=READ_AT_ONCE)
    if not isinstance(images, DataLoader):
        raise ValueError("labels are missing; give them, or a DataLoader or a data set of (image, label).")
    batches = list(images)
    if not batches or not all(isinstance(batch, list | tuple) and len(batch) == 2 for batch in batches):
        raise ValueError("the data give no pairs (image, label); give images and labels as tensors.")
    x, y = zip(*batches, strict=True)
    return torch.cat([_tensor("images", part) for part in x]), torch.cat([_tensor("labels", p) for p in y])


def _all_points(images: Tensor, attacked: Tensor | None, points: Tensor | None) -> Tensor | None:
    """(N, …): the adversarial points of the attacked samples, the other samples as they are."""
    if attacked is None or points is None:
        return None
    whole = images / 255 if images.dtype == torch.uint8 else images.clone()
    whole[attacked] = points.to(whole)
    return whole


def _tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(values))
    if not isinstance(values, Tensor):
        raise ValueError(f"{name} are a {type(values).__name__}; give a tensor or a NumPy array of numbers.")
    return values
