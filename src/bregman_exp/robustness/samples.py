"""A model and its test samples, which are moved to its device in batches."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

NO_CLASS = -1  # the prediction for logits that are not finite; it is never right


@dataclass(frozen=True)
class Samples:
    """x (N, …) uint8 or float in [0, 1]; y, ids (N,); the ids key the random streams of the samples."""

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
            raise ValueError(f"{len(self.ids)} ids for {len(y)} samples: give an id for each sample.")
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
        """These samples with a float64 copy of the model."""
        return self.with_model(copy.deepcopy(self.model).double())

    def with_model(self, model: nn.Module) -> "Samples":
        """These samples with another model; they are not checked again."""
        samples = copy.copy(self)
        object.__setattr__(samples, "model", model)
        return samples

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """x in [0, 1] and y of these samples, on the model's device, x in float64 or float32 as the model."""
        like = next(self.model.parameters(), self.x)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        x = self.x[index.to(self.x.device)].to(like.device)
        x = x.to(dtype) / 255 if x.dtype == torch.uint8 else x.to(dtype)
        return x, self.y[index.to(self.y.device)].to(like.device, torch.int64)

    def predictions(self) -> tuple[Tensor, int]:
        """The predicted classes of all samples (N,), and the number of classes.

        Raises ValueError if the output is not finite logits (see ``logits``), or if the model cannot take
        the inputs.
        """
        predicted, classes = [], 0
        for index in torch.arange(len(self.y)).split(self.batch_size):
            logits = (self.logits if predicted else self._first_logits)(*self.batch(index))
            predicted.append(_predicted(logits))
            classes = logits.shape[1]
        predictions = torch.cat(predicted)
        if (predictions == NO_CLASS).any():
            raise ValueError("the model returns logits that are not finite, so its accuracy has no meaning.")
        return predictions, classes

    def _first_logits(self, x: Tensor, y: Tensor) -> Tensor:
        """As ``logits``; an error of the model becomes a ValueError."""
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
        """(n, K); ValueError unless there is a row for each input and a class for each label."""
        logits = self.model(x)
        if not isinstance(logits, Tensor):
            raise ValueError(
                f"the model returns a {type(logits).__name__}; it must return only logits (N, K); wrap it in "
                "a module that does."
            )
        if logits.dim() != 2 or len(logits) != len(x) or logits.shape[1] < 2:
            raise ValueError(
                f"the model returns {tuple(logits.shape)} for {len(x)} inputs; it must return (N, K ≥ 2)."
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
