"""Loss and accuracy of an epoch, for every network of a stack."""

import torch
from torch import Tensor

ADD_EVERY = 50  # batches


class StackSums:
    """Mean losses and accuracies of S networks, each over its own samples, as ``Sums`` for one network.

    The tensors of a batch stay on their device; every 50 batches they are added up, in float64.
    """

    def __init__(self) -> None:
        self._loss: list[float] = []
        self._correct: list[int] = []
        self._n = 0
        self._losses: list[Tensor] = []
        self._predicted: list[Tensor] = []
        self._labels: list[Tensor] = []

    def see(self, losses: Tensor, logits: Tensor, y: Tensor) -> None:
        """Adds a batch: its mean losses (S,), logits (S, n, K), labels (S, n)."""
        self._losses.append(losses.detach())
        self._predicted.append(logits.argmax(dim=2))
        self._labels.append(y)
        if len(self._losses) >= ADD_EVERY:
            self._add()

    def means(self) -> tuple[list[float], list[float]]:
        """(losses, accuracies) over all samples, at least one: a number for each network."""
        self._add()
        return [value / self._n for value in self._loss], [value / self._n for value in self._correct]

    def _add(self) -> None:
        if not self._losses:
            return
        predicted, labels = torch.cat(self._predicted, dim=1), torch.cat(self._labels, dim=1)
        sizes = labels.new_tensor([y.shape[1] for y in self._labels])
        loss = (torch.stack(self._losses).double() * sizes[:, None]).sum(0).tolist()
        correct = (predicted == labels).sum(1).tolist()
        self._loss = [a + b for a, b in zip(self._loss or [0.0] * len(loss), loss, strict=True)]
        self._correct = [a + b for a, b in zip(self._correct or [0] * len(loss), correct, strict=True)]
        self._n += labels.shape[1]
        self._losses, self._predicted, self._labels = [], [], []
