"""attack.save=true: the adversarial examples of an evaluation, with a picture for each attack."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bregman_exp.analysis.names import NORMS
from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.cli.run_summary import row_name
from bregman_exp.data import Split, as_unit
from bregman_exp.robustness import AttackSpec, Evaluation, Robustness
from bregman_exp.runs import RunFolder, write_arrays


def save_examples(
    job: Job, net: nn.Module, evaluation: Evaluation, samples: Split, target: RunFolder
) -> None:
    """Writes adversarial/<attack>.npz and .png for each attack that kept its points.

    The .npz has, for every sample attacked: id, label, clean, adversarial, prediction (of the clean sample),
    adversarial_prediction.
    """
    for entry in evaluation.robust:
        if entry.points is None:
            continue
        arrays = _arrays(entry, evaluation, samples)
        write_arrays(target.adversarial / f"{entry.id}.npz", arrays)
        try:
            _draw(target.adversarial / f"{entry.id}.png", arrays, job, net, entry.spec)
        except Exception as error:  # no error of a picture may cost the figures
            log.warning("no picture of %s: %s", entry.id, error)


def _arrays(entry: Robustness, evaluation: Evaluation, samples: Split) -> dict[str, np.ndarray]:
    assert entry.attacked is not None
    assert entry.points is not None
    assert entry.predicted is not None
    index = entry.attacked
    return {
        "id": samples.ids[index].numpy(),
        "label": samples.y[index].numpy(),
        "clean": as_unit(samples.x[index]).numpy(),
        "adversarial": entry.points.numpy(),
        "prediction": evaluation.predictions[index].numpy(),
        "adversarial_prediction": entry.predicted.numpy(),
    }


def _draw(picture: Path, arrays: dict[str, np.ndarray], job: Job, net: nn.Module, spec: AttackSpec) -> None:
    # matplotlib takes a second
    from bregman_exp.cli.example_pictures import adversarial_images, adversarial_points

    name = f"{row_name(job)}, seed {job.run.seed}"
    attack = f"{spec.attack.name} in {NORMS[spec.norm]} with ε\u00a0=\u00a0{spec.eps:.4g}"

    @torch.no_grad()
    def probability(points: np.ndarray) -> np.ndarray:
        logits = net(torch.from_numpy(points).float().to(job.device))
        return logits.softmax(dim=1)[:, 1].double().cpu().numpy()

    if arrays["clean"].ndim == 4:
        adversarial_images(picture, arrays, job.data.classes, f"{name}: {attack}")
    elif arrays["clean"].shape[1:] == (2,) and job.data.num_classes == 2:
        adversarial_points(picture, arrays, f"{name}: {attack}", probability)
