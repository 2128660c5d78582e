"""What the tests of the commands share: running a command in this process, and small data."""

import pickle
import runpy
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides, create_defaults_list
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from PIL import Image

from bregman_exp import cli
from bregman_exp.config import conf_dir

SCRIPTS = Path(__file__).parents[1] / "scripts"
TINY = (
    "model=bregman_mlp",
    "trainer.max_epochs=2",
    "dataset.n_train=64",
    "dataset.n_val=32",
    "dataset.n_test=40",
)


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def _quick_composition() -> Iterator[None]:
    """What Hydra repeats in each command is most of the time of a small one: it is done once.

    Hydra composes each config twice, the first time for hydra.mode alone, which only presets of experiments
    set; and it reads and merges the same files each time. Values of the command line come after the merge.
    """
    real = Hydra.get_mode

    def mode(self: Hydra, config_name: str, overrides: list[str]) -> object:
        asked = any(word.lstrip("+~").startswith(("experiment", "hydra")) for word in overrides)
        return real(self, config_name, overrides) if asked else None

    merge = ConfigLoaderImpl._compose_config_from_defaults_list
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", mode)
        patch.setattr(ConfigRepository, "load_config", _once(ConfigRepository.load_config))
        patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", _once(merge))
        patch.setattr(config_loader_impl, "create_defaults_list", _listed_once(create_defaults_list))
        yield


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same result for equal arguments, as a new object; only of conf/ and Hydra, which do not change."""
    results: dict[str, bytes] = {}

    @wraps(make)
    def given(*args: Any, **how: Any) -> Any:
        repo = how["repo"] if "repo" in how else args[0]
        if any(s.provider not in ("hydra", "schema") and s.path != conf_dir() for s in repo.get_sources()):
            return make(*args, **how)
        stored = {group: each for group, each in ConfigStore.instance().repo.items() if group != "hydra"}
        key = repr((args[1:], {name: each for name, each in how.items() if name != "repo"}, stored))
        if key not in results:
            results[key] = pickle.dumps(make(*args, **how))
        return pickle.loads(results[key])

    return given


def _listed_once(create: Callable[..., DefaultsList]) -> Callable[..., DefaultsList]:
    """``_once`` for equal choices of groups: they alone choose the files."""
    of_groups = _once(create)

    @wraps(create)
    def defaults_list(repo: ConfigRepository, *, overrides_list: list[Override], **how: Any) -> DefaultsList:
        values = Overrides(repo, overrides_list).config_overrides
        groups = [word for word in overrides_list if not any(word is value for value in values)]
        return replace(of_groups(repo=repo, overrides_list=groups, **how), config_overrides=values)

    return defaults_list


@pytest.fixture
def in_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, tmp_path: Path
) -> Callable[..., Outcome]:
    """``in_process(main, "script.py", "word", …)`` in the test's empty folder: its code and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(main: Callable[[], object], *argv: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", list(argv))
        capfd.readouterr()
        code: Any = 0
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            main()
        except SystemExit as end:
            code = end.code
        finally:  # a command that was interrupted ignores both
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        said = code if isinstance(code, str) else ""
        return Outcome(code if isinstance(code, int) else 1, out, err + said)

    return run


@pytest.fixture
def command(in_process: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """``command("train", "model=mlp", …)``: see ``in_process``."""
    mains = {"train": cli.train, "evaluate": cli.evaluate}
    return lambda name, *words: in_process(mains[name], f"{name}.py", *words)


@pytest.fixture
def script(in_process: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """``script("report", "outputs", …)``, of those in scripts/: see ``in_process``."""

    def run(name: str, *words: str) -> Outcome:
        path = str(SCRIPTS / f"{name}.py")
        return in_process(lambda: runpy.run_path(path, run_name="__main__"), path, *words)

    return run


@pytest.fixture(scope="session")
def trained_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with a tiny trained run, to be copied."""
    home = tmp_path_factory.mktemp("trained")
    train_in(home, *TINY, "attack=none")
    return home / "outputs"


def train_in(folder: Path, *words: str) -> None:
    """train.py in the folder, for fixtures that outlive a test; SystemExit if it fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["train.py", *words])
        cli.train()


@pytest.fixture
def trained(trained_outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny trained run, in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_outputs, tmp_path / "outputs")
    (metrics,) = tmp_path.rglob("metrics.json")
    return metrics.parent


@pytest.fixture
def image_tree(tmp_path: Path) -> Path:
    """See ``write_images``."""
    return write_images(tmp_path / "images")


def write_images(root: Path, *, grey: bool = False) -> Path:
    """root/{train,test}/{cat,dog}: 12 and 6 images a class of 8×8 pixels; cats are dark, dogs bright."""
    random = np.random.default_rng(0)
    for split, n in (("train", 12), ("test", 6)):
        for name, level in (("cat", 60), ("dog", 180)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                pixels = np.clip(random.normal(level, 30, (8, 8, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels[..., 0] if grey else pixels).save(folder / f"{i:02}.png")
    return root


def interrupt_in_epoch(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training ends there as by Ctrl-C, before its first step."""
    from bregman_exp.training.classifier import Classifier

    real = Classifier.training_step

    def step(self: Classifier, batch: Any, batch_idx: int) -> dict[str, Any]:
        if self.current_epoch == epoch:
            raise KeyboardInterrupt
        return real(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", step)


@pytest.fixture
def trained_alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that a command would train one after another; here it leaves them for later."""
    from bregman_exp.cli.sweep import Outcome as Ended

    seeds: list[int] = []

    def train_run(job: Any, _limit: object) -> Ended:
        seeds.append(job.run.seed)
        return Ended.POSTPONED

    monkeypatch.setattr("bregman_exp.cli.train_job.train_run", train_run)
    return seeds
