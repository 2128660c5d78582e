"""A run in Weights & Biases: online with an API key and a server that answers, else offline."""

import os
import textwrap
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from pytorch_lightning.loggers import WandbLogger

from bregman_exp.config import ConfigError, Logger, require, short_hash

if TYPE_CHECKING:
    from bregman_exp.build.trackers import Ending

MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")  # of WANDB_MODE
PROBE_SECONDS = 3.0  # for the server's answer to any request
INIT_SECONDS = 5.0  # for the run's beginning; both together stay below 10 s
LONGEST_REASON = 100  # characters of W&B's error in a line of run.log
LONGEST_TAG = 64  # characters, by W&B's rules


class WandbTracker(WandbLogger):
    """The W&B run of a run folder.

    Its id follows from the folder, and ``_step`` is the last optimizer step, counted from 0: a resumed run
    goes on in the same W&B run, also offline, where W&B cannot know how far it was. The figures of an epoch
    are one line of the history.
    """

    def __init__(
        self, settings: Logger, folder: Path, group: str, tags: Sequence[str], config: Mapping[str, Any]
    ):
        assert settings.wandb is not None
        begin: dict[str, Any] = {
            "project": settings.project,
            "entity": settings.wandb.entity,
            "name": "/".join(folder.parts[-3:]),
            "id": short_hash(str(folder.absolute())),
            "resume": "allow",
            "dir": str(folder),
            "group": group,
            "tags": [tag[:LONGEST_TAG] for tag in tags],
            "config": dict(config),
        }
        self.run, self.why_offline = begun(begin)
        super().__init__(experiment=self.run, save_dir=str(folder), project=settings.project)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        # validation comes first; with the means of training the epoch's line is complete
        self.experiment.log(dict(metrics), step=step, commit="train/loss" in metrics)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "run": None}  # a spawned process attaches itself to the run

    def end(self, ending: "Ending") -> str:
        """Writes the summary and ends the run; of an offline run, returns where it is and how to sync it."""
        import wandb

        run, settings = self.run, self.run.settings
        run.summary.update({"status": ending.status, **ending.accuracies, **ending.verdicts})
        if ending.pictures:
            run.log({f"pictures/{path.stem}": wandb.Image(str(path)) for path in ending.pictures})
        offline, folder = bool(settings.mode in ("offline", "dryrun")), settings.sync_dir
        run.finish(exit_code=ending.exit_code)
        if not offline:
            return ""
        parts = Path(folder).parent / "offline-run-*"  # a resumed run has several, synced in their order
        return f"W&B: this run is offline{self.why_offline} in {folder}; to upload it: wandb sync {parts}"


def begun(settings: dict[str, Any]) -> tuple[Any, str]:
    """The W&B run, and the reason why it is offline although there is an API key ("" where there is none)."""
    import wandb  # takes a second to import, and few runs need it

    mode, why = _mode()
    quiet = wandb.Settings(silent=True, init_timeout=INIT_SECONDS)
    if mode != "online":
        return wandb.init(**settings, mode=mode, settings=quiet), why
    try:
        return wandb.init(**settings, mode=mode, settings=quiet), ""
    except wandb.Error as error:
        wandb.teardown()  # the service still holds the run's id
        reason = textwrap.shorten(str(error) or type(error).__name__, LONGEST_REASON, placeholder=" …")
        return wandb.init(**settings, mode="offline", settings=quiet), f" ({reason})"


def _mode() -> tuple[Any, str]:
    """WANDB_MODE or online, which needs an API key and a server that answers; with a reason as ``begun``."""
    import wandb

    asked = os.environ.get("WANDB_MODE")
    is_mode = asked is None or asked in MODES
    require(is_mode, f"WANDB_MODE={asked}: use one of {', '.join(MODES)}, or unset it")
    if asked not in (None, "online", "run"):
        return asked, ""
    try:
        has_key = wandb.login(prompt=False, verify=False)
    except wandb.Error as error:
        raise ConfigError(f"logger=wandb: {str(error).rstrip('.')}; correct the key or unset it.") from None
    if not has_key:
        return "offline", " (there is no API key)" if asked else ""
    server = str(wandb.setup().settings.base_url)
    return ("online", "") if _answers(server) else ("offline", f" ({server} does not answer)")


@cache  # asked once in a sweep
def _answers(server: str) -> bool:
    """Whether the server answers a request within PROBE_SECONDS, with whatever status."""
    answers: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(server, timeout=PROBE_SECONDS):
                answers.append(True)
        except HTTPError:
            answers.append(True)
        except OSError:
            answers.append(False)

    # a thread, since looking up a name has no time limit
    thread, end = threading.Thread(target=ask, daemon=True), time.monotonic() + PROBE_SECONDS
    thread.start()
    thread.join(max(0.0, end - time.monotonic()))
    return bool(answers) and answers[0]
