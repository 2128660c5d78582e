import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.robustness import AttackSpec, Threat, evaluate, robust_accuracy
from bregman_exp.robustness.victim import Victim

from .reference import Function, Linear, Watched, found_by, labelled, named, tiny_mlp

ZERO = torch.zeros(1, dtype=torch.int64)


def at(*values: float) -> Tensor:
    return torch.tensor([[value] for value in values])


@pytest.mark.parametrize("eps", [0.01, 0.08])
@pytest.mark.parametrize("rel_step", [0.25, 0.1])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_follows_from_eps(norm: str, rel_step: float, eps: float) -> None:
    model = Watched(Function(lambda x: x @ torch.tensor([3.0, 4.0]) - 99))
    x = torch.full((1, 2), 0.5)
    spec = AttackSpec.of("pgd", norm, eps, steps=4, rel_step=rel_step, random_start=False)
    found_by(spec, model, x, ZERO)
    direction = torch.tensor([[1.0, 1.0]]) if norm == "linf" else torch.tensor([[0.6, 0.8]])
    assert len(model.seen) == 5
    for taken, seen in enumerate(model.seen):
        expected = x + min(taken * rel_step, 1) * eps * direction
        torch.testing.assert_close(seen, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("attack", ["pgd", "fgm"])
@pytest.mark.parametrize(("loss", "direction"), [("margin", [1, 0]), ("ce", [1, math.exp(-0.5)])])
def test_the_loss_decides_the_direction(loss: str, direction: list[float], attack: str) -> None:
    model = Linear(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.0, -5.0, -5.5]))
    x = torch.full((1, 2), 0.5)
    settings = {"steps": 1, "rel_step": 1, "random_start": False} if attack == "pgd" else {}
    spec = AttackSpec.of(attack, "l2", 0.1, loss=loss, **settings)
    step = 0.1 * F.normalize(torch.tensor([direction], dtype=x.dtype))
    torch.testing.assert_close(spec.find(Victim(model, 0), x, ZERO, ZERO).points, x + step)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_are_uniform_in_the_ball(norm: str) -> None:
    ids, d, eps = torch.arange(600), 4, 0.2
    noise = Threat(norm, eps).noise(torch.full((600, d), 0.5), ids, 0, "test")
    assert Threat(norm, eps).violation(0.5 + noise, torch.full((600, d), 0.5)).max() < 1e-6
    assert noise.mean(0).abs().max() < 0.02
    size = noise.abs().amax(1) if norm == "linf" else noise.norm(dim=1)
    uniform = (size / eps) ** d  # the share of the ball's volume within
    assert (uniform.sort().values - (ids + 0.5) / 600).abs().max() < 0.06


def test_the_noise_follows_from_seed_stream_and_id() -> None:
    threat, x = Threat("linf", 0.1), torch.zeros(3, 4)
    noise = threat.noise(x, torch.tensor([5, 6, 5]), 0, "a")
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(threat.noise(x[:1], torch.tensor([5]), 0, "a")[0], noise[0])
    assert not torch.equal(threat.noise(x[:1], torch.tensor([5]), 1, "a")[0], noise[0])
    assert not torch.equal(threat.noise(x[:1], torch.tensor([5]), 0, "b")[0], noise[0])


@pytest.mark.parametrize("loss", ["ce", "margin"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("peak", "best"), [(0.52, 0.5), (0.56, 0.6)])
@pytest.mark.parametrize("steps", [3, 4])
def test_the_best_iterate_is_returned(steps: int, peak: float, best: float, norm: str, loss: str) -> None:
    """The iterates go back and forth between 0.5 and 0.6; only one of them is the last."""
    model = Watched(Function(lambda x: -1 - (x[:, 0] - peak) ** 2))
    spec = AttackSpec.of("pgd", norm, 0.2, steps=steps, rel_step=0.5, random_start=False, loss=loss)
    found = found_by(spec, model, at(0.5), ZERO).points
    seen = torch.cat(model.seen).flatten()
    torch.testing.assert_close(seen, torch.tensor([0.5, 0.6] * 3)[: steps + 1])
    torch.testing.assert_close(found, at(best))


def test_the_first_wrong_iterate_is_returned_and_ends_the_search() -> None:
    model = Watched(Function(lambda x: 0.05 - (x[:, 0] - 0.6).abs()))  # wrong within 0.05 of 0.6 only
    spec = AttackSpec.of("pgd", "linf", 0.2, steps=9, rel_step=0.5, random_start=False)
    found = found_by(spec, model, at(0.5), ZERO).points
    torch.testing.assert_close(found, at(0.6))
    assert len(model.seen) == 2


def test_the_last_iterate_is_looked_at() -> None:
    model = Function(lambda x: x[:, 0] - 0.58)  # wrong from the fourth step of 0.02 on
    for steps, wrong in ((3, False), (5, True)):
        report = robust_accuracy(
            model, at(0.5), ZERO, "pgd", "linf", 0.1, steps=steps, rel_step=0.2, random_start=False
        )
        assert report.survivors.item() is not wrong


def test_each_sample_stops_for_itself_and_wrong_ones_are_never_attacked() -> None:
    model = Watched(Function(lambda x: x[:, 0] - 0.5))
    x, y = at(0.1, 0.45, 0.9, 0.33), torch.zeros(4, dtype=torch.int64)  # the third is wrong on clean data
    report = robust_accuracy(
        model, x, y, "pgd", "linf", 0.2, steps=4, rel_step=0.5, random_start=False, batch_size=50
    )
    assert report.survivors.tolist() == [True, False, False, False]
    sizes = [len(seen) for seen in model.seen]
    # clean; the start, step 1 (0.55 is wrong), step 2 (0.53 is wrong), steps 3 and 4; verification; checks
    assert sizes[:7] == [4, 3, 3, 2, 1, 1, 3]
    assert sum((seen > 0.7).sum() for seen in model.seen[:7]) == 1


def test_an_attack_on_nobody() -> None:
    model = Function(lambda x: x[:, 0] + 1)
    progress = []
    evaluation = evaluate(
        model,
        torch.rand(5, 1),
        torch.zeros(5, dtype=torch.int64),
        [AttackSpec.of("pgd", "linf", 0.1), AttackSpec.of("fgsm", "linf", 0.1)],
        on_progress=lambda *figures: progress.append(figures),
    )
    assert [entry.result.accuracy for entry in evaluation.robust] == [0, 0]
    assert [check.status for check in named(evaluation.checks, "points-in-threat")] == ["passed", "passed"]
    assert {check.status for check in evaluation.checks} == {"passed", "skipped"}  # no gradient to look at
    assert progress[-1] == ("fgsm-linf-0.1", 5, 5, 0)


@pytest.mark.parametrize("restarts", [1, 2])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_sample_depends_on_its_id_and_not_on_its_batch(norm: str, restarts: int) -> None:
    model = tiny_mlp()
    x, y = labelled(model, 60, 2)
    settings = {"attack": "pgd", "norm": norm, "eps": 0.1, "steps": 3, "restarts": restarts, "seed": 3}
    ids = torch.arange(60) * 7
    whole = robust_accuracy(model, x, y, ids=ids, batch_size=50, **settings).survivors
    assert 5 < whole.sum() < 55
    assert torch.equal(robust_accuracy(model, x, y, ids=ids, batch_size=3, **settings).survivors, whole)
    subset = torch.randperm(60)[:23]
    of_subset = robust_accuracy(model, x[subset], y[subset], ids=ids[subset], batch_size=4, **settings)
    assert torch.equal(of_subset.survivors, whole[subset])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_points_depend_on_ids_and_seed_and_not_on_their_company(norm: str) -> None:
    model = tiny_mlp()
    x, y = labelled(model, 20, 2)
    ids = torch.arange(20)
    spec = AttackSpec.of("pgd", norm, 0.1, steps=2)
    whole = spec.find(Victim(model, 0), x, y, ids).points
    torch.testing.assert_close(
        spec.find(Victim(model, 0), x[5:9], y[5:9], ids[5:9]).points, whole[5:9], rtol=0, atol=1e-5
    )
    assert (spec.find(Victim(model, 0), x, y, ids + 1).points - whole).abs().amax(1).median() > 1e-4
    assert (spec.find(Victim(model, 1), x, y, ids).points - whole).abs().amax(1).median() > 1e-4


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_restarts_only_lower_the_accuracy(norm: str) -> None:
    model = tiny_mlp()
    x, y = labelled(model, 80, 2)
    counts, before = [], torch.ones(80, dtype=torch.bool)
    for restarts in (1, 2, 4, 8):
        report = robust_accuracy(model, x, y, "pgd", norm, 0.1, steps=1, restarts=restarts)
        assert not (report.survivors & ~before).any()
        before = report.survivors
        counts.append(report.correct)
    assert counts[0] > counts[-1] > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_samples_on_the_cpu_and_a_model_on_the_gpu() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 30, 2)
    on_cpu = robust_accuracy(model, x, y, "pgd", "l2", 0.1, restarts=2)
    on_gpu = robust_accuracy(model.cuda(), x, y, "pgd", "l2", 0.1, restarts=2)
    assert abs(on_gpu.correct - on_cpu.correct) <= 1
    assert on_gpu.survivors.device.type == "cpu"
