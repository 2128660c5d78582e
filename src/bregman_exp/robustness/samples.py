"""A model and the samples it is tested on, which reach its device batch by batch."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

NO_CLASS = -1  # the prediction where the logits are not finite: never right


@dataclass(frozen=True)
class Samples:
    """x (N, …) uint8 or float in [0, 1]; y, ids (N,); ids name the samples in the random streams."""

    model: nn.Module
    x: Tensor
    y: Tensor
    ids: Tensor
    batch_size: int

    def __post_init__(self) -> None:
        x, y = self.x, self.y
        if len(x) == 0 or len(x) != len(y):
            raise ValueError(
                f"{len(x)} inputs with {len(y)} labels: give the same number of each, at least 1."
            )
        if len(self.ids) != len(y):
            raise ValueError(f"{len(self.ids)} ids for {len(y)} samples: give one of each.")
        if y.dim() != 1 or y.is_floating_point() or y.is_complex():
            raise ValueError(
                f"labels are {y.dtype} of shape {tuple(y.shape)}; give whole numbers of shape (N,)."
            )
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}: it must be ≥ 1.")
        if x.dtype == torch.uint8:
            return
        if not x.is_floating_point() or not ((x >= 0) & (x <= 1)).all():
            raise ValueError(
                f"inputs lie in [{float(x.min()):g}, {float(x.max()):g}]; give uint8 images or floats in "
                "[0, 1], and put any normalisation into the model."
            )

    def in_float64(self) -> "Samples":
        """The same with a copy of the model in float64."""
        return self.asking(copy.deepcopy(self.model).double())

    def asking(self, model: nn.Module) -> "Samples":
        """The same with another model; what was checked is not checked again."""
        other = copy.copy(self)
        object.__setattr__(other, "model", model)
        return other

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """x in [0, 1], in the model's type (never half precision), and y of these samples, on its device."""
        like = next(self.model.parameters(), self.x)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        x = self.x[index.to(self.x.device)].to(like.device)
        x = x.to(dtype) / 255 if x.dtype == torch.uint8 else x.to(dtype)
        return x, self.y[index.to(self.y.device)].to(like.device, torch.int64)

    def predictions(self) -> tuple[Tensor, int]:
        """The predicted classes of all samples (N,), and the number of classes.

        Raises ValueError where the output is not finite logits (see ``logits``), and where the model cannot
        take the inputs.
        """
        predicted, classes = [], 0
        for index in torch.arange(len(self.y)).split(self.batch_size):
            logits = (self.logits if predicted else self._first_logits)(*self.batch(index))
            predicted.append(_predicted(logits))
            classes = logits.shape[1]
        predictions = torch.cat(predicted)
        if (predictions == NO_CLASS).any():
            raise ValueError("the model gives logits that are not finite; its accuracy means nothing.")
        return predictions, classes

    def _first_logits(self, x: Tensor, y: Tensor) -> Tensor:
        """As ``logits``; ValueError also where the model fails."""
        try:
            return self.logits(x, y)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, IndexError) as error:
            hint = "; images are (N, channels, height, width)" if x.dim() == 4 else ""
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"the model cannot take inputs of shape {tuple(x.shape)} ({reason}){hint}."
            ) from error

    def predict(self, x: Tensor, y: Tensor) -> Tensor:
        return _predicted(self.logits(x, y))

    @torch.no_grad()
    def logits(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, K); ValueError unless they are as many as inputs, with a class for each label."""
        logits = self.model(x)
        if not isinstance(logits, Tensor):
            raise ValueError(
                f"the model gives a {type(logits).__name__}; logits (N, K) are needed: put it into a module "
                "that returns these alone."
            )
        if logits.dim() != 2 or len(logits) != len(x) or logits.shape[1] < 2:
            raise ValueError(
                f"the model gives {tuple(logits.shape)} for {len(x)} inputs; logits (N, K ≥ 2) are needed."
            )
        if not 0 <= int(y.min()) <= int(y.max()) < logits.shape[1]:
            raise ValueError(
                f"labels lie in {int(y.min())} … {int(y.max())}; the model has {logits.shape[1]} classes."
            )
        return logits


def _predicted(logits: Tensor) -> Tensor:
    """The predicted classes, (n,) on the CPU; NO_CLASS where the logits are not finite."""
    finite = logits.isfinite().all(dim=1)
    return logits.argmax(dim=1).where(finite, NO_CLASS).cpu()
