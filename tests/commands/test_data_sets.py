"""A training, an evaluation and pictures on data sets other than two-spiral and images in colour."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import bregman_exp as bx
from bregman_exp import build
from bregman_exp.analysis.figures import draw
from bregman_exp.data import circle, twin_hills
from bregman_exp.models import ResNet
from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.training.objective import squared_error
from tests.config.test_config import composed
from tests.conftest import Outcome
from tests.data.published import publish

Command = Callable[..., Outcome]
POINTS = ("dataset.n_train=64", "dataset.n_val=32", "dataset.n_test=40")


def record_of(folder: RunFolder) -> dict:
    return json.loads(folder.metrics.read_text())


def test_regression_on_the_circle(command: Command) -> None:
    words = ("model=bregman_mlp", "dataset=circle", "training=squared_error", "trainer.max_epochs=2", *POINTS)
    outcome = command("train", *words, "seeds=0..1", "attack=pgd", "attack.steps=2", "attack.batch_size=7")
    assert outcome.code == 0, outcome.err
    assert "mean squared error on clean data" in RunFolder(find_runs(Path("outputs"))[0].path).log.read_text()
    test = circle(n_train=64, n_val=32, n_test=40).test
    for folder in find_runs(Path("outputs")):
        record, net = record_of(folder), bx.load(folder.path).net
        assert record["train"]["seeds_together"] == 2
        assert net.state_dict()["output.weight"].shape == (1, 2)
        with torch.no_grad():
            logits = net(test.x)
        assert record["clean"]["mse"] == pytest.approx(float(squared_error(logits, test.y)), rel=1e-5)
        assert record["clean"]["correct"] == int((logits.argmax(dim=1) == test.y).sum())
        assert record["robust"][0]["accuracy"] <= record["clean"]["accuracy"]


def test_an_mlp_on_mnist(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish("mnist", tmp_path / "data", monkeypatch)
    words = ("dataset=mnist", "dataset.n_val=20", "dataset.download=false", "model.widths=[8,4]")
    outcome = command("train", "model=bregman_mlp", *words, "trainer.max_epochs=2", "attack=none")
    assert outcome.code == 0, outcome.err
    (folder,) = find_runs(Path("outputs"))
    record = record_of(folder)
    assert (record["dataset"]["label"], record["dataset"]["n_test"]) == ("MNIST", 20)
    assert record["dataset"]["classes"] == [str(k) for k in range(10)]
    outcome = command(
        "evaluate", f"run={folder.path}", *["attack=pgd", "eps=0.3", "steps=2", "attack.save=true"]
    )
    assert outcome.code == 0, outcome.err
    (evaluation,) = folder.evaluations
    assert [entry["eps"] for entry in record_of(evaluation)["robust"]] == [0.3]
    assert len(list(evaluation.adversarial.glob("*.png"))) == 1
    album = draw.draw_pictures(bx.results("outputs"), Path("out"), ["regions", "separation"])
    assert [picture.what for picture in album.pictures] == ["separation"]
    assert "not points in the plane" in album.missing["regions"][0]


def test_other_classes_are_told_in_a_sentence(trained: Path) -> None:
    with pytest.raises(
        ValueError, match=r"its network has 2 classes and the data set twin hills has 3; give"
    ):
        build.check_same_data(twin_hills(), RunFolder(trained))


def test_a_resnet_on_grey_images_of_28_pixels() -> None:
    run = composed("model=bregman_resnet20", "dataset=fashion_mnist", "trainer.batch_size=3")
    data = build.black_images(run)
    assert data.train.x.shape == (3, 1, 28, 28)
    net = build.job(run, data=data).new_network()
    assert isinstance(net, ResNet)
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize("training", ["standard", "squared_error"])
def test_what_networks_answer_on_the_line(command: Command, training: str) -> None:
    words = ("dataset=twin_hills", f"training={training}", "trainer.max_epochs=1", "attack=none", *POINTS)
    assert command("train", "model=mlp", *words).code == 0
    album = draw.draw_pictures(bx.results("outputs"), Path("out"), ["regions", "layers"])
    (picture,) = album.pictures
    assert ("f(x)" in picture.caption) == (training == "squared_error")
    assert "40 test points of twin hills" in picture.caption
    assert "not points in the plane" in album.missing["layers"][0]
