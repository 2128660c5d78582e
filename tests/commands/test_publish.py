"""scripts/publish.py and bx.pretrained: trained runs as published networks."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import bregman_exp as bx
from bregman_exp.zoo.card import SAMPLE
from bregman_exp.zoo.pretrained import NETWORKS
from bregman_exp.zoo.sample import sample_figures
from tests.conftest import TINY


@pytest.fixture
def published(script, trained: Path, tmp_path: Path) -> Path:
    outcome = script("publish", str(trained), "--to", "zoo", "--name", "spiral", "--remark", "A small one.")
    assert outcome.code == 0, outcome.err
    return tmp_path / "zoo"


def test_a_run_and_the_network_published_of_it_are_the_same(published: Path, trained: Path) -> None:
    assert bx.pretrained(folder=published) == ["spiral"]
    run, own = bx.pretrained("spiral", folder=published), bx.load(trained)
    x = torch.rand(5, 2)
    assert torch.equal(run.net(x), own.net(x))
    assert run.figures["robust"] == own.figures["robust"]
    assert run.config.optim == own.config.optim
    assert "A small one." in run.card
    for file in published.rglob("*"):
        assert not file.is_file() or str(trained.parents[2]).encode() not in file.read_bytes()


def test_a_published_network_is_evaluated_as_any_run(command, published: Path) -> None:
    outcome = command("evaluate", f"run={published / 'spiral'}", "attack=pgd", "eps=0.01", "attack.samples=5")
    assert outcome.code == 0, outcome.err
    assert len(list((published / "spiral" / "evaluations").rglob("metrics.json"))) == 1
    assert bx.pretrained("spiral", folder=published).figures["clean"]["n"] == 40


def test_paths_that_were_typed_stay_here(command, script, tmp_path: Path) -> None:
    place = tmp_path / "somewhere"
    words = (*TINY, "attack=none", f"output_dir={place}", "eval.weights=best", "model.weight_norm=true")
    assert command("train", *words).code == 0
    assert script("publish", str(place), "--to", "zoo", "--name", "own").code == 0
    (published,) = (tmp_path / "zoo").glob("own")
    assert json.loads((published / "run.json").read_text())["overrides"][-3] == "output_dir=…"
    assert all(
        str(place).encode() not in file.read_bytes() for file in published.rglob("*") if file.is_file()
    )
    assert bx.pretrained("own", folder="zoo").config.weights == "best"
    assert script("publish", str(place), str(place), "--to", "zoo").code == 1  # twice the same name
    assert "--name a/b is not the name" in script("publish", str(place), "--to", "zoo", "--name", "a/b").err


def test_a_file_that_was_changed_or_is_missing(published: Path) -> None:
    metrics = published / "spiral" / "metrics.json"
    content = metrics.read_text()
    metrics.write_text(content + " ")
    with pytest.raises(ValueError, match=r"metrics\.json is not the published file"):
        bx.pretrained("spiral", folder=published)
    metrics.unlink()
    with pytest.raises(ValueError, match=r"metrics\.json is missing"):
        bx.pretrained("spiral", folder=published)


def test_a_file_without_checksum(published: Path) -> None:
    sums = published / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "last.ckpt" not in line))
    with pytest.raises(ValueError, match=r"last\.ckpt has no line in SHA256SUMS"):
        bx.pretrained("spiral", folder=published)


def test_a_network_is_not_published_onto_itself(script, published: Path) -> None:
    outcome = script("publish", str(published / "spiral"), "--to", "zoo", "--name", "spiral")
    assert (outcome.code, "would be published onto itself" in outcome.err) == (1, True)
    assert bx.pretrained("spiral", folder=published).figures["clean"]["n"] == 40


def test_another_publication_certifies_no_other_network(script, trained: Path, published: Path) -> None:
    sample = published / "spiral" / SAMPLE
    sample.write_text(sample.read_text() + " ")
    assert script("publish", str(trained), "--to", "zoo", "--name", "second").code == 0
    assert bx.pretrained("second", folder=published).net
    with pytest.raises(ValueError, match=r"sample\.json is not the published file"):
        bx.pretrained("spiral", folder=published)


def test_the_card_says_what_was_minimised(command, script) -> None:
    words = (
        "training=trades",
        "training.eps=8/255",
        "training.steps=1",
        "trainer.ema=0.9",
        "model.version=standard",
    )
    assert command("train", *TINY, "attack=none", *words).code == 0
    assert script("publish", "outputs", "--to", "zoo", "--name", "robust").code == 0
    card = bx.pretrained("robust", folder="zoo").card
    assert "- recipe: trades linf 8/255 (1 step of 0.25 ε, beta 6), " in card
    assert "ema 0.9" in card
    assert "clamp" not in card


def test_an_unknown_name(published: Path) -> None:
    with pytest.raises(ValueError, match="no pretrained network 'resnet20'; there are spiral"):
        bx.pretrained("resnet20", folder=published)


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [("metrics.json", "is not complete; run its train command again"), ("checkpoints", "no checkpoint")],
)
def test_a_run_that_cannot_be_published(
    script, trained: Path, tmp_path: Path, lost: str, sentence: str
) -> None:
    place = trained / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    outcome = script("publish", str(trained), "--to", "zoo")
    assert outcome.code == 1
    assert sentence in outcome.err
    assert not (tmp_path / "zoo").exists()


FAST = "bregman_resnet20_tanh"  # the others only in the slow tests
CARDS = [pytest.param(name, marks=[] if name == FAST else pytest.mark.slow) for name in bx.pretrained()]


@pytest.mark.parametrize("name", CARDS)
def test_a_network_of_the_package_has_the_figures_of_its_card(name: str) -> None:
    run = bx.pretrained(name)
    recorded = json.loads((NETWORKS / name / SAMPLE).read_text())
    assert sample_figures(run.net, tuple(recorded["shape"])) == recorded
    clean = run.figures["clean"]
    assert f"| clean | {100 * clean['accuracy']:.2f} |" in run.card
    assert run.config.model_name in run.card


def test_the_package_stays_small() -> None:
    assert sum(file.stat().st_size for file in NETWORKS.rglob("*") if file.is_file()) < 8 * 2**20
