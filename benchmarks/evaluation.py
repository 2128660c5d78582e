"""PGD-20 at 8/255 on one trained network: torchattacks' own loop against this project's."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

import bregman_exp as bx
from benchmarks.images import CLASSES, Labelled, from_folder, synthetic
from benchmarks.measure import Case, measure, timed
from benchmarks.options import Options
from benchmarks.row import Row, alone, row
from benchmarks.updates import sgd, update
from bregman_exp.robustness import AttackSpec, evaluate
from bregman_exp.robustness.attacks.torchattack import torchattacks_class

EPS, STEP, STEPS = 8 / 255, 2 / 255, 20  # the step is the default of torchattacks
PAPER = {"linf": 0.71 / 255, "l2": 0.080}  # ε of the table's two robust columns
TRAIN_IMAGES = 5_000
THEIRS, OURS, WITHOUT_STOP = "PGD-20, torchattacks", "PGD-20, this project", "the same, no early stop"


class Counted(nn.Module):
    """The network, with a count of the samples it was evaluated on."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, self.samples = net, 0

    def forward(self, x: Tensor) -> Tensor:
        self.samples += len(x)
        return self.net(x)


@dataclass
class Attack:
    """An attack on a counted network. ``details``: the last run's robust accuracy, evaluations a sample."""

    net: Counted
    n: int
    accuracy_of: Callable[[Counted], float | None]  # None: its points failed their checks
    details: dict[str, float] = field(default_factory=dict)

    def __call__(self) -> None:
        self.net.samples = 0
        accuracy = self.accuracy_of(self.net)
        accuracies = {} if accuracy is None else {"robust accuracy": accuracy}
        self.details = accuracies | {"evaluations a sample": self.net.samples / self.n}


def rows(options: Options) -> list[Row]:
    """Samples a second, with this project's checks; the ratio is to torchattacks."""
    (x, y), (test_x, test_y) = _images(options)
    net = Counted(trained(x, y, options).eval())
    clean = float((net(test_x).argmax(1) == test_y).float().mean())
    attacks = {
        THEIRS: lambda net: _theirs(net, test_x, test_y, options.batch),
        OURS: lambda net: _ours(net, test_x, test_y, options.batch, early_stop=True),
        WITHOUT_STOP: lambda net: _ours(net, test_x, test_y, options.batch, early_stop=False),
    }
    runs = {name: Attack(net, len(test_y), attack) for name, attack in attacks.items()}
    cases = [
        Case(name, timed(run, len(test_y)), {} if name == THEIRS else {"torchattacks": THEIRS})
        for name, run in runs.items()
    ]
    measurement = measure(cases, options.limits)
    lines = [alone("evaluation", "clean accuracy", clean, f"of {len(test_y)} samples")]
    for name, run in runs.items():
        rate = 1 / measurement.seconds(name)
        lines.append(row("evaluation", name, measurement, rate, "samples/s", **run.details))
    return lines


def _images(options: Options) -> tuple[Labelled, Labelled]:
    if options.images is None:
        return synthetic(TRAIN_IMAGES, options.samples)
    return from_folder(options.images, TRAIN_IMAGES, options.samples)


def trained(x: Tensor, y: Tensor, options: Options) -> nn.Module:
    """A BregmanResNet20 (atan) after a few training steps, whose learning rate falls to 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = bx.resnet(20, act="atan", num_classes=max(CLASSES, int(y.max()) + 1)).to(x.device)
        optimizer = sgd(net.parameters())
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.train_steps)
        for _ in range(options.train_steps):
            index = torch.randint(len(y), (options.batch,))
            update(net, optimizer, x[index], y[index])
            rate.step()
    return net


def _theirs(net: Counted, x: Tensor, y: Tensor, batch: int) -> float:
    attack = torchattacks_class("PGD")(net, eps=EPS, alpha=STEP, steps=STEPS, random_start=True)
    correct = 0
    torch.manual_seed(0)  # of the random starts
    for images, labels in zip(x.split(batch), y.split(batch), strict=True):
        points = attack(images, labels)
        with torch.no_grad():
            correct += int((net(points).argmax(1) == labels).sum())
    return correct / len(y)


def _ours(net: Counted, x: Tensor, y: Tensor, batch: int, early_stop: bool) -> float | None:
    report = bx.robust_accuracy(
        net,
        x,
        y,
        "pgd",
        "linf",
        EPS,
        steps=STEPS,
        rel_step=STEP / EPS,
        early_stop=early_stop,
        batch_size=batch,
    )
    return report.accuracy


def paper(net: nn.Module, x: Tensor, y: Tensor, batch: int, steps: int) -> Row:
    """Images a second of ``attack=paper``'s PGD in both norms, clean accuracy and checks included."""
    specs = [AttackSpec.of("pgd", norm, eps, steps=steps, restarts=1) for norm, eps in PAPER.items()]
    evaluate(net, x[:batch], y[:batch], [spec.but(steps=1) for spec in specs], batch_size=batch)
    start = time.perf_counter()
    evaluation = evaluate(net, x, y, specs, batch_size=batch)
    rate = len(y) / (time.perf_counter() - start)
    accuracies = {
        f"right in {entry.spec.norm}": entry.result.accuracy for entry in evaluation.robust if entry.result
    }
    details = {"clean": evaluation.clean.accuracy} | accuracies
    return alone("attacks", f"PGD-{steps} in both norms, {batch} at a time", rate, "images/s", **details)
