"""The trackers of a run: Lightning's loggers, what each is given at the beginning, and how each ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.loggers import MLFlowLogger, TensorBoardLogger

from bregman_exp.build.wandb_tracker import WandbTracker
from bregman_exp.config import Run, require
from bregman_exp.runs import RunFolder


@dataclass(frozen=True)
class About:
    """What a tracker is given at a run's beginning. ``group``: the row; ``config``: resolved, nested."""

    group: str
    tags: Sequence[str]
    config: Mapping[str, Any]

    @property
    def flat(self) -> dict[str, Any]:
        """The config by dotted keys, with the group and the tags."""
        return {**flattened(self.config), "group": self.group, "tags": ", ".join(self.tags)}


@dataclass(frozen=True)
class Ending:
    """How a run ended: complete | trained | failed | interrupted | postponed.

    ``accuracies``: the final figures by name, fractions; ``verdicts``: of each attack. Both are empty where
    the run has no figures. ``pictures``: PNG files.
    """

    status: str
    accuracies: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Path] = ()

    @property
    def exit_code(self) -> int:
        """0 for a run that has all that was asked of it so far, else 1."""
        return 0 if self.status in ("complete", "trained") else 1


class TensorBoardTracker(TensorBoardLogger):
    """<run>/tensorboard/: curves, the config as text; at the end hparams with the final figures."""

    def __init__(self, folder: Path, about: About):
        super().__init__(folder, name="", version="tensorboard", default_hp_metric=False)
        self.about = about
        lines = [f"    {key}: {value}" for key, value in about.flat.items()]  # Markdown: as it is
        self.experiment.add_text("config", "\n".join(lines))

    def end(self, ending: Ending) -> str:
        """Writes what is known at the end; returns "" (nothing to be said)."""
        for picture in ending.pictures:
            self.experiment.add_image(f"pictures/{picture.stem}", _pixels(picture), dataformats="HWC")
        settings = {**self.about.flat, "status": ending.status, **ending.verdicts}
        # without figures a run has no hparams: TensorBoard shows only those that come with metrics
        self.log_hyperparams(settings, dict(ending.accuracies))
        self.experiment.add_text("status", ending.status)
        self.finalize("success")
        return ""


class MlflowTracker(MLFlowLogger):
    """A run of the MLflow experiment ``logger.project``; the config is its parameters."""

    def __init__(self, run: Run, folder: Path, about: About):
        assert run.logger.mlflow is not None
        store = run.logger.mlflow.uri or f"file:{Path(run.output_dir).absolute() / 'mlruns'}"
        tags = {"group": about.group, "tags": ", ".join(about.tags)}
        super().__init__(run.logger.project, "/".join(folder.parts[-3:]), store, tags=tags)
        self.log_hyperparams(dict(about.flat))

    def end(self, ending: Ending) -> str:
        """Writes what is known at the end; returns "" (nothing to be said)."""
        self.log_metrics(dict(ending.accuracies))
        for name, text in {**ending.verdicts, "status": ending.status}.items():
            self.experiment.set_tag(self.run_id, name, text)
        for picture in ending.pictures:
            self.experiment.log_artifact(self.run_id, str(picture), "pictures")
        self.finalize("failed" if ending.exit_code else "success")
        return ""


Tracker = WandbTracker | TensorBoardTracker | MlflowTracker
PACKAGES = ("wandb", "tensorboard", "mlflow")  # of each tracker; the package has the tracker's name


def check_trackers(run: Run) -> None:
    """Raises ConfigError where the package of a tracker is not installed."""
    for name in run.logger.trackers:
        require(
            find_spec(name) is not None,
            f"logger={name} needs the package {name}, which is not installed; pip install {name}",
        )


def trackers(run: Run, folder: RunFolder, about: About) -> Iterator[Tracker]:
    """Begins the trackers that ``logger`` asks for; a resumed run goes on in the same W&B run."""
    rank_zero_only.rank = 0  # pyright: ignore[reportFunctionMemberAccess] (see build/training.py)
    if run.logger.wandb is not None:
        yield WandbTracker(run.logger, folder.path, about.group, about.tags, about.config)
    if run.logger.tensorboard is not None:
        yield TensorBoardTracker(folder.path, about)
    if run.logger.mlflow is not None:
        yield MlflowTracker(run, folder.path, about)


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"optim": {"lr": 0.1}} -> {"optim.lr": 0.1}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return flat


def _pixels(picture: Path) -> Any:
    """(height, width, 3) in uint8."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(picture).convert("RGB"))
