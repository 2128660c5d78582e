"""Robust training: its points, its objectives, what it leaves alone, and what follows its validation."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp import build
from bregman_exp.analysis.names import base_name, differing_keys, size_name
from bregman_exp.build.robust_training import objective, with_threat
from bregman_exp.config import check, config_hash
from bregman_exp.robustness import Norm, Threat
from bregman_exp.robustness.training_attack import TrainingAttack, divergence
from bregman_exp.training.checkpoint import read_checkpoint, weights_of
from bregman_exp.training.objective import Objective, PgdAt, Trades
from tests.config.test_config import composed, hash_of
from tests.conftest import TINY, Outcome, interrupt_in_epoch

Command = Callable[..., Outcome]
MLP = "model=bregman_mlp"
PLACE = (0, 0, 0, 0)
QUICK = (*TINY, "attack=none", "training.steps=2", "training.eps=0.05")


def attack(norm: str = "linf", eps: float = 0.1, steps: int = 5) -> TrainingAttack:
    return TrainingAttack(Threat(Norm(norm), eps), steps, 0.25, seed=0)


def network() -> nn.Module:
    """Of points in the unit square, with batch normalisation and a submodule that stays in eval mode."""
    torch.manual_seed(0)
    layers = (nn.Linear(2, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 3))
    net = nn.Sequential(*layers).train()
    net[3].eval()
    return net


def samples(n: int = 12) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.rand(n, 2, generator=random), torch.randint(3, (n,), generator=random)


def objective_of(kind: str, of: TrainingAttack, beta: float = 6.0) -> Objective:
    if kind == "pgd_at":
        return PgdAt(of.against_labels, of.still_right)
    return Trades(of.against_own_answer, of.still_right, beta)


# ---- points ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["pgd_at", "trades"])
def test_points_lie_in_ball_and_box_and_raise_the_loss(norm: str, kind: str) -> None:
    adversary, net, (x, y) = attack(norm), network(), samples()
    points = objective_of(kind, adversary).find_points(net, x, y, PLACE)
    assert adversary.threat.violation(points, x).max() < 1e-6
    assert adversary.threat.norm.size(points - x).max() > 0.05
    net.eval()
    with torch.no_grad():
        if kind == "pgd_at":
            assert F.cross_entropy(net(points), y) > F.cross_entropy(net(x), y) + 0.01
        else:
            answer = F.log_softmax(net(x), dim=1)
            random = adversary.threat.project(x + adversary.threat.batch_noise(x, torch.Generator()), x)
            assert divergence(answer, net(points)).mean() > 2 * divergence(answer, net(random)).mean() > 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_noise_of_a_batch_is_uniform_in_the_ball(norm: str) -> None:
    threat = Threat(Norm(norm), 0.1)
    size = threat.norm.size(threat.batch_noise(torch.zeros(4000, 2), torch.Generator().manual_seed(0)))
    assert size.max() <= 0.1 + 1e-7
    shares = [float((size < radius).float().mean()) for radius in (0.05, 0.08)]
    assert shares == pytest.approx([0.25, 0.64], abs=0.03)  # (radius / ε)², in two dimensions
    assert threat.batch_noise(torch.zeros(0, 2), torch.Generator()).shape == (0, 2)


def test_places_have_points_of_their_own_and_the_same_ones_again() -> None:
    adversary, net, (x, y) = attack(), network(), samples()
    first, again, other = (adversary.against_labels(net, x, y, (0, step)) for step in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", ["pgd_at", "trades"])
def test_the_search_leaves_the_network_as_it_was(kind: str) -> None:
    net, (x, y) = network(), samples()
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    used = objective_of(kind, attack())
    assert not used.find_points(net, x, y, PLACE).requires_grad
    used.still_right(net, x, y, torch.arange(len(y)))
    assert all((p.grad == 7.0).all() and p.requires_grad for p in net.parameters())
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in net.named_buffers())
    assert [module.training for module in net] == [True, True, True, False, True]  # pyright: ignore
    used.loss(net, x, y, PLACE)
    assert int(net[1].num_batches_tracked) == (1 if kind == "pgd_at" else 2)  # pyright: ignore


# ---- losses ------------------------------------------------------------------------------------------------


def test_without_a_ball_or_without_beta_it_is_the_standard_loss() -> None:
    x, y = samples()
    standard = F.cross_entropy(network()(x), y)
    for same in (objective_of("pgd_at", attack(eps=0.0)), objective_of("trades", attack(), beta=0.0)):
        loss, logits = same.loss(network(), x, y, PLACE)
        assert torch.equal(loss, standard)
        assert torch.equal(logits, network()(x))
    assert objective_of("pgd_at", attack()).loss(network(), x, y, PLACE)[0] > standard


def test_trades_is_its_formula() -> None:
    net, (x, y) = network().eval(), samples()
    adversary = attack()
    points = adversary.against_own_answer(net, x, y, PLACE)
    p, q = net(x).softmax(1), net(points).softmax(1)
    expected = F.cross_entropy(net(x), y) + 3.0 * (p * (p / q).log()).sum(1).mean()
    loss, _ = objective_of("trades", adversary, beta=3.0).loss(net, x, y, PLACE)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("kind", ["pgd_at", "trades"])
def test_gradients_arrive_under_autocast(kind: str) -> None:
    """Were weights cast without gradients in the search, autocast could use them again in the loss."""
    net, (x, y) = network(), samples()
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = objective_of(kind, attack()).loss(net, x, y, PLACE)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net[4].parameters())  # pyright: ignore


# ---- what it is for ----------------------------------------------------------------------------------------


def test_a_robust_training_is_more_robust() -> None:
    """One feature is right for 90 % of the samples and far from 1/2, the other always right and close to it.

    The standard training uses the second, which an adversary of ε = 0.1 turns round; a robust one cannot.
    """
    random = torch.Generator().manual_seed(0)
    y = torch.randint(2, (400,), generator=random)
    sign = 2.0 * y - 1
    noisy = torch.where(torch.rand(400, generator=random) < 0.9, sign, -sign)
    x = torch.stack([0.5 + 0.3 * noisy, 0.5 + 0.05 * sign], dim=1)
    robust: dict[str, float] = {}
    for kind in ("standard", "pgd_at", "trades"):
        net = bx.mlp([8], act="atan", version="bregman", in_features=2, num_classes=2)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
        used = None if kind == "standard" else objective_of(kind, attack(steps=2))
        for step in range(60):
            optimizer.zero_grad()
            place = (0, step)
            loss = F.cross_entropy(net(x), y) if used is None else used.loss(net, x, y, place)[0]
            loss.backward()
            optimizer.step()
        robust[kind] = bx.robust_accuracy(net, x, y, attack="pgd", norm="linf", eps=0.1).accuracy or 0.0
    assert robust["standard"] < 0.6
    assert min(robust["pgd_at"], robust["trades"]) > robust["standard"] + 0.25


# ---- validation --------------------------------------------------------------------------------------------


def test_who_resists_does_not_depend_on_batches() -> None:
    adversary, net, (x, y) = attack(), network().eval(), samples(40)
    ids = torch.arange(40)
    whole = adversary.still_right(net, x, y, ids)
    parts = [adversary.still_right(net, x[part], y[part], part) for part in ids.split(13)]
    assert torch.equal(whole, torch.cat(parts))
    assert whole.sum() < (net(x).argmax(1) == y).sum()


def scripted(patch: pytest.MonkeyPatch, shares: list[float]) -> None:
    """Lets this share of the validation samples resist in each epoch."""
    left = iter(shares)

    def still_right(self: TrainingAttack, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
        return torch.arange(len(y)) < next(left) * len(y)

    patch.setattr(TrainingAttack, "still_right", still_right)


def test_best_and_patience_follow_the_robust_accuracy(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = [0.5, 0.75, 0.5, 0.25, 1.0, 1.0]
    scripted(monkeypatch, shares)
    words = ("training=pgd_at", "trainer.patience=2", "trainer.max_epochs=6")
    outcome = command("train", *QUICK, *words)
    assert outcome.code == 0, outcome.err
    (folder,) = (path.parent for path in tmp_path.rglob("metrics.json"))
    lines = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [float(line["val/robust_accuracy"]) for line in lines] == shares[:4]
    assert read_checkpoint(folder / "checkpoints" / "best.ckpt")["epoch"] == 1
    assert json.loads((folder / "metrics.json").read_text())["weights"] == "best"


# ---- the command -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pgd_at", "trades"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    words = (*QUICK, f"training={kind}", "trainer.accumulate_grad_batches=2", "trainer.batch_size=8")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        assert command("train", *words, "output_dir=cut").code == 130
    assert command("train", *words, "output_dir=cut").code == 0
    assert command("train", *words, "output_dir=whole").code == 0
    cut, whole = (next((tmp_path / name).rglob("metrics.json")).parent for name in ("cut", "whole"))
    weights = [weights_of(folder / "checkpoints" / "last.ckpt") for folder in (cut, whole)]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    curves = [
        [
            {key: value for key, value in line.items() if key != "seconds"}
            for line in csv.DictReader((folder / "metrics.csv").read_text().splitlines())
        ]
        for folder in (cut, whole)
    ]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 2


def test_a_run_says_its_training_and_what_it_costs(command: Command, tmp_path: Path) -> None:
    outcome = command("train", *QUICK, "training=trades", "seeds=0..1")
    assert outcome.code == 0, outcome.err
    said = "training: trades, β 6, linf, ε 0.05, 2 steps of 0.0125: 5 model evaluations a step instead of 1"
    assert outcome.err.splitlines().count(said) == 2
    assert "with training=trades networks train one after another, in the plain form of a step" in outcome.err
    assert len(list(tmp_path.rglob("*-steps2-eps0.05-trades-*/metrics.json"))) == 2
    assert "bregman_mlp (atan), depth 3, random start, trades linf 0.05, seed 1" in outcome.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["training=pgd"], "pgd_at"),
        (
            ["training.objective=fgsm"],
            "training.objective=fgsm: use one of standard, squared_error, pgd_at, trades.",
        ),
        (["training=pgd_at", "training.epsilon=0.1"], "did you mean training.eps"),
        (["training=pgd_at", "training.eps=0"], "training.eps=0: it must be > 0;"),
        (["training=pgd_at", "training.eps=8"], "training.eps=8 is not allowed; give a size in [0, 1]"),
        (["training=trades", "training.norm=l2", "training.eps=6"], "give a size in [0, 5]"),
        (["training=pgd_at", "training.eps=big"], "training.eps='big' is not a number;"),
        (["training=pgd_at", "training.norm=l1"], "training.norm='l1' is unknown; use one of linf, l2."),
        (["training=pgd_at", "training.steps=0"], "training.steps=0: it must be ≥ 1."),
        (["training=pgd_at", "training.rel_step=3"], "training.rel_step=3.0: the step over eps"),
        (["training=trades", "training.beta=0"], "training.beta=0.0: it must be > 0;"),
        (
            ["training=pgd_at", "trainer.fast=captured"],
            "with training=pgd_at a step has the plain form alone; use null.",
        ),
    ],
)
def test_mistakes(command: Command, words: list[str], sentence: str) -> None:
    outcome = command("train", *TINY, *words)
    assert outcome.code == 1
    assert sentence in outcome.err
    assert "Traceback" not in outcome.err


# ---- config, hash, names -----------------------------------------------------------------------------------


def test_a_standard_run_is_what_it_was() -> None:
    base = hash_of(MLP)
    assert hash_of(MLP, "training.steps=3", "training.eps=0.3") == base
    run = composed(MLP)
    assert objective(run) is None
    stored = OmegaConf.to_container(OmegaConf.create(run.to_yaml()))
    assert "training" not in stored  # pyright: ignore
    assert config_hash(check(stored), "atan", "f") == base  # pyright: ignore


def test_the_settings_of_a_robust_training_count_where_they_act() -> None:
    robust = "training=pgd_at"
    different = [
        [],
        [robust],
        ["training=trades"],
        [robust, "training.norm=l2"],
        [robust, "training.eps=0.1"],
    ]
    different += [[robust, "training.steps=3"], ["training=trades", "training.beta=1"]]
    hashes = {hash_of(MLP, *words) for words in different}
    assert len(hashes) == len(different)
    assert hash_of(MLP, robust, "training.beta=1") == hash_of(MLP, robust)


@pytest.mark.parametrize(
    ("words", "norm", "eps"),
    [
        (["model=resnet18"], "linf", 8 / 255),
        (["model=resnet18", "training.norm=L2"], "l2", 0.5),
        ([MLP], "linf", 0.02),
        (["model=resnet18", "dataset=imagenet", "dataset.root=x"], "linf", 4 / 255),
        (["model=resnet18", "training.norm=Linf", "training.eps=4/255"], "linf", 4 / 255),
    ],
)
def test_the_usual_ball_of_the_data_and_the_one_given(words: list[str], norm: str, eps: float) -> None:
    run = with_threat(composed("training=trades", *words))
    assert (run.training.norm, run.training.eps) == (norm, pytest.approx(eps))
    assert with_threat(run) == run
    stored = OmegaConf.to_container(OmegaConf.create(run.to_yaml()))
    assert check(stored).training == run.training  # pyright: ignore


def test_half_precision_without_a_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"with trainer\.precision=16-mixed is not possible"):
        composed(MLP, "training=pgd_at", "trainer=gpu", "trainer.precision=16-mixed")


def test_only_the_plain_form_trains_robustly() -> None:
    words = ("model=resnet20", "dataset=image_folder", "dataset.root=x")
    assert len(build.forms(composed(*words))) > 1
    assert [form.name for form in build.forms(composed(*words, "training=pgd_at"))] == ["eager"]


def test_names_tell_a_robust_row_from_a_standard_one() -> None:
    config = {"training.objective": "pgd_at", "training.norm": "linf", "training.eps": 8 / 255}
    assert base_name("resnet18", "tanh", config) == "resnet18 (tanh), pgd_at linf 8/255"
    assert base_name("resnet18", "tanh", {"training.objective": "standard"}) == "resnet18 (tanh)"
    assert differing_keys([{}, config | {"trainer.fast": None}])[:2] == [
        "training.objective",
        "training.norm",
    ]
    assert [size_name(eps) for eps in (0.5, 2 / 255, 0.002, None)] == ["0.5", "2/255", "0.002", "None"]
