"""scripts/weights.py: a state dict a run, with a checksum."""

import hashlib
from pathlib import Path

import torch

from bregman_exp import build
from bregman_exp.runs import RunFolder


def test_the_weights_of_a_run(script, trained: Path, tmp_path: Path) -> None:
    outcome = script("weights", str(tmp_path / "outputs"), "--to", "weights")
    assert outcome.code == 0, outcome.err
    (file,) = (tmp_path / "weights").glob("*.pt")
    assert file.name == f"bregman_mlp-atan-two_spiral-{trained.name}.pt"
    run = build.stored_run(RunFolder(trained))
    data = build.dataset(run)
    net = build.model(run, build.activation(run), data)
    net.load_state_dict(torch.load(file, weights_only=True))
    its = build.trained_model(run, data, RunFolder(trained))
    x = torch.rand(5, 2)
    assert torch.equal(net.eval()(x), its(x))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (tmp_path / "weights" / "SHA256SUMS").read_text() == f"{digest}  {file.name}\n"


def test_a_run_that_is_not_complete_is_said(script, trained: Path, tmp_path: Path) -> None:
    (trained / "metrics.json").unlink()
    outcome = script("weights", str(trained), "--to", "weights")
    assert outcome.code == 1
    assert "is not complete; run its train command again." in outcome.err
    assert not list((tmp_path / "weights").glob("*"))


def test_a_run_without_weights_is_said(script, trained: Path, tmp_path: Path) -> None:
    (trained / "checkpoints" / "last.ckpt").unlink()
    outcome = script("weights", str(trained), "--to", "weights")
    assert outcome.code == 1
    assert "there is no checkpoint" in outcome.err
    assert not list((tmp_path / "weights").glob("*"))
