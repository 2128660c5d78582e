"""A data set of one's own: a folder of a few images, with no key but its root."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.conftest import write_images

SMALL = ("dataset=image_folder", "dataset.root=images", "trainer.max_epochs=2", "trainer.batch_size=10")
ATTACKS = (
    "attack.attacks=[{attack: pgd, norm: linf, eps: 0.3, steps: 3},{attack: fmn, norm: l2, eps: 1, steps: 5},"
    "{attack: torchattacks, cls: FGSM, norm: linf, eps: 0.3}]"
)


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles over the images of all pictures that are saved."""
    seen: list[str] = []
    save = Figure.savefig

    def remember(figure: Figure, *args: object, **settings: object) -> None:
        seen.extend(panel.get_title() for panel in figure.axes if panel.get_title())
        save(figure, *args, **settings)  # pyright: ignore

    monkeypatch.setattr(Figure, "savefig", remember)
    return seen


def test_grey_images_are_trained_on_attacked_and_shown(
    command, script, tmp_path: Path, titles: list[str]
) -> None:
    write_images(tmp_path / "images", grey=True)
    words = ("model=bregman_resnet20", "act=tanh", *SMALL, "attack=pgd", ATTACKS, "attack.save=true")
    outcome = command("train", *words)
    assert outcome.code == 0, outcome.err
    (metrics,) = tmp_path.rglob("metrics.json")
    record = json.loads(metrics.read_text())
    data = record["dataset"]
    assert (data["n_train"], data["n_val"], data["classes"]) == (22, 2, ["cat", "dog"])
    assert [len(values) for values in data["statistics"].values()] == [1, 1]
    assert 0.3 < data["statistics"]["mean"][0] < 0.6  # cats at 60 / 255, dogs at 180 / 255
    assert [entry["attack"] for entry in record["robust"]] == ["pgd", "fmn", "torchattacks"]
    for saved in (metrics.parent / "adversarial").glob("*.npz"):
        assert np.load(saved)["adversarial"].shape[1:] == (1, 8, 8)
    assert titles
    assert all(name in {"cat", "dog"} for title in titles for name in title.split("\n")[0].split()[1:])
    assert "is complete: skipped" in command("train", *words).err
    assert command("evaluate", f"run={metrics.parent}", "attack=none", "attack.samples=4").code == 0
    assert script("report", "outputs", "--no-pictures").code == 0
    page = Path("outputs/report.html").read_text()
    assert "Confusion of classes" in page
    assert '<th scope="col">true class</th><th scope="col">cat</th><th scope="col">dog</th>' in page


def test_statistics_of_three_channels_are_refused_for_grey_images(command, tmp_path: Path) -> None:
    write_images(tmp_path / "images", grey=True)
    words = ("model=resnet20", *SMALL, "attack=none", "dataset.normalize=cifar10")
    outcome = command("train", *words)
    assert outcome.code == 1
    assert "dataset.normalize=cifar10 has 3 channels and the images of images are grey" in outcome.err
    assert command("train", *words, "dataset.channels=3", "trainer.max_epochs=1").code == 0
