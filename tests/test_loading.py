"""bx.load: the network, the config and the figures of a run, from its folder or a checkpoint alone."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

import bregman_exp as bx
from bregman_exp import build
from bregman_exp.data import as_unit
from bregman_exp.runs import RunFolder
from tests.conftest import write_images

X = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))


def own_logits(run: Path) -> torch.Tensor:
    stored = build.stored_run(RunFolder(run))
    return build.trained_model(stored, build.dataset(stored), RunFolder(run))(X)


def test_a_run_a_checkpoint_of_it_and_a_copy_elsewhere_are_one_network(trained: Path, tmp_path: Path) -> None:
    logits = own_logits(trained)
    whole = bx.load(str(trained))
    assert not whole.net.training
    assert whole.config.model.name == "mlp"
    assert whole.figures["clean"]["n"] == 40
    inside = bx.load(trained / "checkpoints" / "last.ckpt")
    assert inside.figures == whole.figures
    bare = bx.load(shutil.copy(trained / "checkpoints" / "last.ckpt", tmp_path / "bare.ckpt"))
    assert bare.figures == {}
    for loaded in (whole, inside, bare):
        assert torch.equal(loaded.net(X), logits)


def test_the_data_need_not_be_there(command, image_tree: Path, tmp_path: Path) -> None:
    words = ("dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4", "trainer.max_epochs=1")
    assert command("train", "model=bregman_resnet20", *words, "attack=none", "trainer.batch_size=8").code == 0
    shutil.rmtree(image_tree)
    (metrics,) = tmp_path.rglob("metrics.json")
    bare = Path(shutil.copy(metrics.parent / "checkpoints" / "last.ckpt", tmp_path / "bare.ckpt"))
    assert str(tmp_path).encode() not in bare.read_bytes()  # a checkpoint may be given away
    for place in (metrics.parent, bare):
        assert bx.load(place).net(torch.rand(1, 3, 8, 8)).shape == (1, 2)


def test_computed_statistics_need_no_data_either(command, tmp_path: Path) -> None:
    write_images(tmp_path / "images", grey=True)
    words = ("dataset=image_folder", "dataset.root=images", "trainer.max_epochs=1", "trainer.batch_size=8")
    words = (*words, "attack=none", "seeds=0..1")
    assert command("train", "model=bregman_resnet20", "act=tanh", *words).code == 0
    run = max(path.parent for path in tmp_path.rglob("metrics.json"))  # the second seed's
    stored = build.stored_run(RunFolder(run))
    data = build.dataset(stored)
    x = as_unit(data.test.x)
    logits = build.trained_model(stored, data, RunFolder(run))(x)
    shutil.rmtree(tmp_path / "images")
    figures = json.loads((run / "metrics.json").read_text())
    assert figures["dataset"]["classes"] == ["cat", "dog"]
    assert figures["dataset"]["statistics"] == {name: list(v) for name, v in data.normalize._asdict().items()}
    bare = bx.load(shutil.copy(run / "checkpoints" / "last.ckpt", tmp_path / "bare.ckpt"))
    assert bare.config.dataset.n_val == 2
    whole = bx.load(run)
    text = (run / "config.yaml").read_text()
    mean = str(data.normalize.mean[0])
    assert text.count(mean) == 1
    (run / "config.yaml").write_text(text.replace(mean, f"{float(mean) + 0.001:.6f}"))
    with pytest.raises(ValueError, match=r"config\.yaml does not fit"):
        bx.load(run)
    (run / "config.yaml").write_text(text)
    (run / "metrics.json").unlink()  # as of a run that was interrupted
    for loaded in (bare, whole, bx.load(run)):
        assert torch.equal(loaded.net(x), logits)
        assert not torch.equal(loaded.net(x), loaded.net(x + 0.1))
    config = run / "config.yaml"
    content = yaml.safe_load(config.read_text())
    content["dataset"]["statistics"] = None
    config.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"normalize=computed and no dataset\.statistics"):
        bx.load(run)


def test_what_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a run: it has no config"):
        bx.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="there is no checkpoint"):
        bx.load(tmp_path / "nowhere.ckpt")
    with pytest.raises(ValueError, match="use one of last, best"):
        bx.load(trained, weights="first")
    config = (trained / "config.yaml").read_text()
    (trained / "config.yaml").write_text(config.replace("lr: 0.01", "lr: 0.02"))
    with pytest.raises(ValueError, match=r"config\.yaml does not fit"):
        bx.load(trained)


def test_a_checkpoint_of_an_older_version_says_where_it_can_be_loaded(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    del content["config"]
    torch.save(content, tmp_path / "old.ckpt")
    with pytest.raises(ValueError, match="does not hold its config"):
        bx.load(tmp_path / "old.ckpt")
