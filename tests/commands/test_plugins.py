"""A package of a user's own adds a map, a model, a data set, an attack and a callback."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

import bregman_exp as bx
from bregman_exp import build, plugins
from bregman_exp.build.known_data import augmentation, normalization_of
from bregman_exp.config import TARGETS, check_group
from bregman_exp.data import Augmentation, DataError
from bregman_exp.geometry import ACTIVATIONS
from bregman_exp.robustness import ATTACKS
from tests.config.test_config import composed
from tests.conftest import Outcome

EXTENDING = Path(__file__).parents[2] / "docs" / "extending.md"
PAGE = EXTENDING.read_text().partition("## Your own package")[2]
RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COUNTS = """
from pytorch_lightning import Callback

class Counts(Callback):
    def on_train_epoch_end(self, trainer, module):
        print("an epoch")

class Negates(Callback):
    def on_train_end(self, trainer, module):
        module.model.register_forward_hook(lambda net, args, logits: -logits)
"""
CODE = "\n".join([*RECIPES, COUNTS])
(SUITE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OWN = ("model=two_layers", "model.width=5", "act=mish", "act.gain=2", "dataset=rings", "dataset.n=50")
SHORT = ("trainer.max_epochs=2", "trainer.batch_size=10", "attack=corners")


OWN_MODULES = ("own_pkg", "installed_pkg", "broken", "taken", "untyped")


@pytest.fixture
def as_before() -> Iterator[None]:
    """What a plug-in registers is gone after the test, and so are its modules."""
    groups = (ConfigStore.instance().repo.setdefault(group, {}) for group in TARGETS)
    stores = (ACTIVATIONS, ATTACKS, *TARGETS.values(), *groups)
    kept, path = [set(store) for store in stores], list(sys.path)
    yield
    for store, names in zip(stores, kept, strict=True):
        for name in set(store) - names:
            del store[name]
    for name in [name for name in sys.modules if name.split(".")[0] in OWN_MODULES]:
        del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def package(tmp_path: Path, as_before: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that lies where the command is given."""
    _write(tmp_path, "own_pkg")
    monkeypatch.chdir(tmp_path)
    return "own_pkg"


def _write(place: Path, name: str) -> None:
    (place / name / "conf" / "attack").mkdir(parents=True)
    (place / name / "__init__.py").write_text(CODE)
    (place / name / "conf" / "attack" / "corners.yaml").write_text(SUITE)


def test_the_command_of_the_page(command: Callable[..., Outcome], package: str, tmp_path: Path) -> None:
    (line,) = re.findall(r"^ +python train\.py (.*plugins.*)$", PAGE, re.MULTILINE)
    done = command("train", *line.replace("my_pkg.rings", package).split(), "attack=corners")
    assert done.code == 0, done.err
    (metrics,) = tmp_path.rglob("metrics.json")
    run = bx.load(metrics.parent)
    assert run.figures["dataset"]["shape"] == [2]
    assert run.net(torch.rand(3, 2)).shape == (3, 2)
    metrics.unlink()
    assert bx.load(metrics.parent).net(torch.rand(3, 2)).shape == (3, 2)  # from the shape of the first weight


def test_it_trains_and_evaluates(command: Callable[..., Outcome], package: str, tmp_path: Path) -> None:
    done = command("train", f"plugins=[{package}]", *OWN, *SHORT, f"callbacks=[{package}.Counts]")
    assert done.code == 0, done.err
    assert done.out.count("an epoch") == 2
    (metrics,) = tmp_path.rglob("metrics.json")
    record = json.loads(metrics.read_text())
    assert (record["model"], record["act"]) == ("two_layers", "mish(gain=2)")
    assert (record["dataset"]["label"], record["clean"]["n"]) == ("Rings", 50)
    assert [(e["id"], e["tries"]) for e in record["robust"]] == [("corners-linf-0.02", 1)]
    again = command("train", f"plugins=[{package}]", *OWN, *SHORT, f"callbacks=[{package}.Counts]")
    assert "is complete: skipped" in again.err
    later = command("evaluate", f"plugins={package}", f"run={metrics.parent}", "attack=noise")
    assert later.code == 0, later.err
    assert len(list(metrics.parent.rglob("evaluations/*/metrics.json"))) == 1
    own, later = (
        json.loads(file.read_text())["overrides"] for file in sorted(tmp_path.rglob("run.json"), key=_depth)
    )
    assert own[-2:] == [f"plugins=[{package}]", f"callbacks=[{package}.Counts]"]
    assert later[-2:] == ["attack=noise", f"plugins=[{package}]"]


def _depth(path: Path) -> int:
    return len(path.parts)


def test_pictures_load_the_plug_ins_that_are_named(
    command: Callable[..., Outcome], script: Callable[..., Outcome], package: str, tmp_path: Path
) -> None:
    words = ("model=mlp", "act=mish", "dataset=two_spiral", *SHORT[:2], "attack=none", "dataset.n_train=40")
    assert command("train", f"plugins=[{package}]", *words).code == 0
    _forget(package)
    alone = script("pictures", "outputs", "--what", "boundary")
    assert (alone.code, "not drawn" in alone.out) == (1, True)
    drawn = script("pictures", "outputs", "--what", "boundary", "--plugins", package)
    assert (drawn.code, "boundary: wrote" in drawn.out) == (0, True), drawn.out + drawn.err


def _forget(package: str) -> None:
    """As in a process that has not been given the plug-in."""
    for known in TARGETS.values():
        for path in [path for path in known if path.startswith(package)]:
            del known[path]
    for name in ("mish", "corners"):
        ACTIVATIONS.pop(name, None)
        ATTACKS.pop(name, None)
    for group in TARGETS:
        store = ConfigStore.instance().repo.get(group, {})
        for name in [name for name, node in store.items() if package in str(node.node.get("_target_"))]:
            del store[name]
    del sys.modules[package]


def test_images_of_a_plug_in_can_have_what_those_here_have(package: str, tmp_path: Path) -> None:
    head = "import torch\nfrom bregman_exp import plugins\nSIZES = {'linf': [0.03], 'l2': [0.5, 1.0]}\n"
    (tmp_path / package / "stripes.py").write_text(
        f"""{head}
@plugins.dataset("stripes", eps=SIZES)
def stripes(n: int = 4, augment: bool = True, flip: bool = False, normalize: str | None = "mnist"):
    samples = torch.zeros(n, 1, 28, 28, dtype=torch.uint8), torch.arange(n) % 2
    return samples, samples, samples
"""
    )
    plugins.load([f"{package}.stripes"])
    target = f"{package}.stripes.stripes"
    content = ConfigStore.instance().repo["dataset"]["stripes.yaml"].node
    dataset = check_group("dataset", TARGETS["dataset"][target], OmegaConf.to_container(content))
    assert (dataset.eps.linf_curve, dataset.eps.l2) == ([0.03], [0.5, 1.0])
    run = replace(composed("model=resnet20"), dataset=dataset)
    job = build.job(run)
    assert (job.data.normalize, normalization_of(run)) == ("mnist", "mnist")
    assert augmentation(run, job.data) == Augmentation(flip=False)
    assert job.new_network()(torch.zeros(2, 1, 28, 28)).shape == (2, 2)


def black_images(n: int = 4, channels: int = 1, pixels: int = 8, labels: int = 1, normalize: str = ""):
    x, y = torch.zeros(n, channels, 8, 8), torch.arange(n)
    samples = x, y.repeat(labels, 1).T.squeeze(1) if labels > 1 else y
    return samples, samples, (torch.zeros(n, channels, pixels, pixels), samples[1])


@pytest.mark.parametrize(
    ("eps", "settings", "sentence"),
    [
        ([0.1], {"channels": 2}, r"dataset=mine returns x .*\(N, 1 or 3, H, W\)"),
        ([0.1], {"n": 0}, r"dataset=mine returns x torch.float32 \(0, 1, 8, 8\)"),
        ([0.1], {"labels": 2}, r"and y torch.int64 \(4, 2\)"),
        ([0.1], {"pixels": 9}, "dataset=mine returns x of several shapes or types"),
        ([0.1], {"normalize": "computed"}, "dataset.normalize=computed is for image folders"),
        ({"linf": [0.1]}, {}, "dataset=mine: eps is of linf; give linf and l2"),
    ],
)
def test_mistakes_in_a_data_set(as_before: None, eps: Any, settings: dict, sentence: str) -> None:
    with pytest.raises((DataError, plugins.PluginError), match=sentence):
        plugins.dataset("mine", eps=eps)(black_images)(**settings)


def test_a_callback_makes_another_run(command: Callable[..., Outcome], package: str, tmp_path: Path) -> None:
    words = ("model=bregman_mlp", "trainer.max_epochs=1", "attack=none", "dataset.n_train=40")
    assert command("train", *words).code == 0
    assert command("train", *words, f"callbacks=[{package}.Counts]").code == 0
    assert len(list(tmp_path.rglob("metrics.json"))) == 2


def test_what_a_callback_leaves_on_the_network_is_not_evaluated(
    command: Callable[..., Outcome], package: str, tmp_path: Path
) -> None:
    words = ("model=bregman_mlp", "trainer.max_epochs=1", "attack=none", "dataset.n_train=40")
    assert command("train", *words).code == 0
    assert command("train", *words, f"callbacks=[{package}.Negates]").code == 0
    records = [json.loads(file.read_text()) for file in tmp_path.rglob("metrics.json")]
    assert len(records) == 2
    assert records[0]["clean"] == records[1]["clean"]


@pytest.mark.parametrize("key", ["+trainer.callbacks", "++trainer.callbacks"])
def test_callbacks_are_of_the_command_line_alone(command: Callable[..., Outcome], key: str) -> None:
    done = command("train", "model=bregman_mlp", f"{key}=[os.abort]")
    assert (done.code, "trainer.callbacks comes from the command line alone" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("plugins=[not_there]", "plugins=[not_there] cannot be imported (ModuleNotFoundError"),
        ("plugins=[broken]", "plugins=[broken] cannot be imported (ZeroDivisionError"),
        ("plugins=[taken]", "model=resnet20 of taken.net is taken by this program; give it another name"),
        ("plugins=[untyped]", "net: the parameter width needs a type and a default"),
        ("callbacks=[collections.Counter]", "callbacks=[collections.Counter] is not a Lightning callback"),
        ("callbacks=[collections.Nothing]", "callbacks=[collections.Nothing] cannot be created"),
        ("+plugins=[os]", "unknown key plugins"),
    ],
)
def test_mistakes_are_one_sentence(
    command: Callable[..., Outcome], as_before: None, tmp_path: Path, word: str, sentence: str
) -> None:
    head = "from bregman_exp import plugins\n@plugins.model"
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "taken.py").write_text(f'{head}("resnet20")\ndef net(act): ...\n')
    (tmp_path / "untyped.py").write_text(f'{head}("net")\ndef net(act, width): ...\n')
    done = command("train", "model=bregman_mlp", "trainer.max_epochs=1", "attack=none", word)
    assert done.code == 1
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_stored_config_imports_nothing(
    command: Callable[..., Outcome], package: str, tmp_path: Path
) -> None:
    assert command("train", f"plugins=[{package}]", *OWN, *SHORT).code == 0
    (metrics,) = tmp_path.rglob("metrics.json")
    _forget(package)
    done = command("evaluate", f"run={metrics.parent}", "attack=noise")
    assert done.code == 1
    assert f"plug-in, install that or give plugins=[{package}] on the command line" in done.err
    assert package not in sys.modules


def test_an_installed_package_is_known(
    command: Callable[..., Outcome], as_before: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    _write(site, "installed_pkg")
    facts = site / "installed_pkg-1.dist-info"  # as pip leaves it
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-pkg\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[bregman_exp.plugins]\nown = installed_pkg\n")
    monkeypatch.syspath_prepend(site)
    done = command("train", *OWN, *SHORT)
    assert done.code == 0, done.err
    (metrics,) = tmp_path.rglob("metrics.json")
    assert json.loads(metrics.read_text())["robust"][0]["attack"] == "corners"


def test_a_recipe_has_at_most_20_lines() -> None:
    assert len(RECIPES) == 4
    assert max(len(recipe.splitlines()) for recipe in RECIPES) <= 20
