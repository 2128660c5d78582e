"""What the trackers of a run get: its config and names at the beginning, its figures and state at the end."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bregman_exp.analysis.names import base_name
from bregman_exp.build import Job
from bregman_exp.build.trackers import About, Ending, Tracker, flattened, trackers
from bregman_exp.cli.command import log
from bregman_exp.cli.evaluate_run import is_trained
from bregman_exp.runs import RunFolder

PICTURES = ("robust", "curves", "boundary", "moves")  # of scripts/pictures.py; those that the run allows


@contextmanager
def tracking(job: Job) -> Generator[list[Tracker]]:
    """Within it the run's trackers are open; afterwards they end as the run ended, also by an error."""
    if not job.run.logger.trackers:
        yield []
        return
    begun, status = list[Tracker](), "failed"
    try:
        for tracker in trackers(job.run, job.folder, about(job)):
            begun.append(tracker)
        yield begun
        status = _status(job)
    except (KeyboardInterrupt, SystemExit):
        status = "interrupted"
        raise
    finally:
        with TemporaryDirectory() as folder:
            pictures = _pictures(job.folder, Path(folder)) if job.run.logger.pictures else []
            for tracker in begun:
                _end(tracker, Ending(status, *_figures(job.folder), pictures))


def about(job: Job) -> About:
    """The group is a row's model and activation as in tables; the tags also tell its shape and its data."""
    run = job.run
    config: dict[str, Any] = asdict(run) | {"config_hash": job.config_hash, "row_hash": job.row_hash}
    network = base_name(run.model_name, job.act.label, {})
    shape = base_name(run.model_name, job.act.label, flattened(config)).removeprefix(network).split(", ")[1:]
    tags = [run.model_name, run.model.version, job.act.label, *shape, job.data.name, run.experiment_name]
    return About(
        base_name(run.model_name, job.act.label, {}),
        list(dict.fromkeys([*tags, *run.logger.tags])),
        config | {"folder": str(job.folder.path)},
    )


def _status(job: Job) -> str:
    folder = job.folder
    if folder.complete:
        return "complete"
    if folder.failure.exists():
        return "failed"
    return "trained" if is_trained(job.run, folder) else "postponed"


def _figures(folder: RunFolder) -> tuple[dict[str, float], dict[str, str]]:
    """The accuracies and the verdicts in metrics.json, by name; nothing where there is none."""
    try:
        record = folder.read_metrics() if folder.complete else None
    except ValueError:  # a damaged file: the run's own error says so
        record = None
    if record is None:
        return {}, {}
    entries = [entry for entry in record["robust"] if entry.get("accuracy") is not None]
    accuracies = {"clean": record["clean"]["accuracy"]}
    accuracies |= {f"robust/{entry['id']}": entry["accuracy"] for entry in entries}
    return accuracies, {f"verdict/{entry['id']}": entry["verdict"] for entry in entries}


def _pictures(folder: RunFolder, out: Path) -> list[Path]:
    """The PNG files of the run's pictures, with those of its adversarial examples."""
    if not folder.complete:
        return []
    # pandas and matplotlib take seconds
    from bregman_exp.analysis.figures.draw import draw_pictures
    from bregman_exp.analysis.frame import read_results

    try:
        album = draw_pictures(read_results([folder]).frame, out, PICTURES)
    except Exception as error:  # no error of a picture may cost the figures
        log.warning("no pictures for the trackers: %s", error)
        return []
    return [*(picture.png for picture in album.pictures), *sorted(folder.adversarial.glob("*.png"))]


def _end(tracker: Tracker, ending: Ending) -> None:
    try:
        if message := tracker.end(ending):
            log.warning("%s", message)
    except Exception as error:  # the run's own files are whole
        log.warning("%s has not got the end of the run: %s", type(tracker).__name__, error)
