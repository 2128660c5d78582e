"""Loss and accuracy of an epoch, summed without waiting for the device in every step."""

import torch
from torch import Tensor

ADD_EVERY = 50  # batches


class Sums:
    """Mean loss and accuracy over the samples of an epoch.

    The tensors of a batch stay on their device; every 50 batches they are added up, in float64.
    """

    def __init__(self) -> None:
        self._loss, self._correct, self._n = 0.0, 0, 0
        self._losses: list[Tensor] = []
        self._predicted: list[Tensor] = []
        self._labels: list[Tensor] = []

    def see(self, loss: Tensor, logits: Tensor, y: Tensor) -> None:
        """Adds a batch: its mean loss, logits (n, K), labels (n,)."""
        self._losses.append(loss.detach())
        self._predicted.append(logits.argmax(dim=1))
        self._labels.append(y)
        if len(self._losses) >= ADD_EVERY:
            self._add()

    def means(self) -> tuple[float, float]:
        """(loss, accuracy) over all samples, at least one."""
        self._add()
        return self._loss / self._n, self._correct / self._n

    def _add(self) -> None:
        if not self._losses:
            return
        predicted, labels = torch.cat(self._predicted), torch.cat(self._labels)
        self._correct += int((predicted == labels).sum())
        for loss, y in zip(torch.stack(self._losses).tolist(), self._labels, strict=True):
            self._loss += loss * len(y)
            self._n += len(y)
        self._losses, self._predicted, self._labels = [], [], []
