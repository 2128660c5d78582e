"""attack.save=true: the adversarial examples of an evaluation, with a picture for each attack."""

from pathlib import Path

import numpy as np

from bregman_exp.cli.command import log
from bregman_exp.data import Split, as_unit
from bregman_exp.robustness import Evaluation, Robustness
from bregman_exp.runs import RunFolder, write_arrays


def save_examples(
    evaluation: Evaluation, samples: Split, classes: tuple[str, ...], target: RunFolder
) -> None:
    """Writes adversarial/<attack>.npz and .png for each attack that kept its points.

    The .npz has, for every sample attacked: id, label, clean, adversarial, prediction (of the clean sample),
    adversarial_prediction.
    """
    for entry in evaluation.robust:
        if entry.points is not None:
            _save(entry, evaluation, samples, classes, target)


def _save(
    entry: Robustness, evaluation: Evaluation, samples: Split, classes: tuple[str, ...], target: RunFolder
) -> None:
    assert entry.attacked is not None
    assert entry.points is not None
    assert entry.predicted is not None
    index = entry.attacked
    arrays = {
        "id": samples.ids[index].numpy(),
        "label": samples.y[index].numpy(),
        "clean": as_unit(samples.x[index]).numpy(),
        "adversarial": entry.points.numpy(),
        "prediction": evaluation.predictions[index].numpy(),
        "adversarial_prediction": entry.predicted.numpy(),
    }
    write_arrays(target.adversarial / f"{entry.id}.npz", arrays)
    try:
        _draw(target.adversarial / f"{entry.id}.png", arrays, classes, entry.id)
    except Exception as error:  # no error of a picture may cost the figures
        log.warning("no picture of %s: %s", entry.id, error)


def _draw(picture: Path, arrays: dict[str, np.ndarray], classes: tuple[str, ...], title: str) -> None:
    # matplotlib takes a second
    from bregman_exp.cli.example_pictures import adversarial_images, adversarial_points

    if arrays["clean"].ndim == 4:
        adversarial_images(picture, arrays, classes, title)
    elif arrays["clean"].shape[1:] == (2,):
        adversarial_points(picture, arrays, title)
