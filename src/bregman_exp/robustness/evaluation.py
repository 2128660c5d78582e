"""The evaluation of one model: clean accuracy, every attack, the checks, the verdicts."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from bregman_exp.robustness.accuracy import Accuracy
from bregman_exp.robustness.checks.audit import Audit, judged_of, sizes_audit
from bregman_exp.robustness.checks.continuity import continuity_checks
from bregman_exp.robustness.checks.entries import eps_checks, order_checks, own_checks
from bregman_exp.robustness.checks.gradients import gradient_checks, slope_checks
from bregman_exp.robustness.checks.model import is_constant, model_checks
from bregman_exp.robustness.checks.state import state_checks
from bregman_exp.robustness.checks.verdict import verdict
from bregman_exp.robustness.harness import Harness, OnProgress
from bregman_exp.robustness.isolation import evaluating, in_type
from bregman_exp.robustness.parts import Parts
from bregman_exp.robustness.result import Check, Evaluation, Robustness
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.spec import AttackSpec, unique_ids
from bregman_exp.robustness.victim import Victim
from bregman_exp.robustness.witness import Witness


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    specs: Sequence[AttackSpec],
    *,
    ids: Tensor | None = None,
    seed: int = 0,
    batch_size: int = 250,
    audit: bool = False,
    source: nn.Module | None = None,
    parts: Parts | None = None,
    keep_points: bool = False,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Clean accuracy, then each attack's robust accuracy, with the checks of both.

    Only samples that are right on clean data are attacked. Every point an attack returns is verified (finite,
    in the box, in the ball to 1e-6) and shown to the model again; where one is not, the attack's number is
    not reported. The model's and the program's state are as before (see ``evaluating``).

    ``audit``: every check, with the attacks that it takes, for each PGD and suite of ``specs``. ``source``:
    the model that ``attack=transfer`` and the audit's transfer start from. ``parts``: where every finished
    batch is kept, and taken from where it is there already. ``keep_points``: keep the adversarial points.

    Shapes: x (N, …), uint8 or float in [0, 1]; y, ids (N,); the model gives logits (N, K). ``ids`` name the
    samples in the random streams (default 0 … N−1).

    An attack that raises has an ``error`` and no number; the others have theirs. Where all raise, this does.

    Raises ValueError for inputs outside [0, 1], labels that are no classes, no samples, a model whose output
    is not finite logits, and a source of other classes.
    """
    ids = torch.arange(len(y)) if ids is None else ids
    tell = on_progress or (lambda *_: None)
    with evaluating(model) as used, _beside(source) as other:
        samples = Samples(used, x, y, ids, batch_size)
        witness = Witness(used)
        predictions, classes = samples.asking(witness.at_first()).predictions()
        witness.remember()
        _check_source(other, samples, classes)
        right = predictions == y.cpu()
        tell("clean", len(y), len(y), int(right.sum()))
        specs = [spec.for_classes(classes) for spec in specs]
        victim = Victim.of(used, seed, other)
        for spec in specs:
            spec.attack.check_fits(victim, classes)
        harness = Harness(samples, victim, witness, tell, {} if parts is None else parts, keep_points)
        entries = _attacked(harness, specs, right)
        checks = _checked(harness, predictions, right, entries)
        probes, more = _audited(replace(harness, keep_points=False), right, entries) if audit else ([], [])
        checks += more + state_checks(witness, [*entries, *probes], tuple(entry.id for entry in entries))
        unmoved = all(e.survivors is None or torch.equal(e.survivors, right) for e in entries)
        constant = unmoved and is_constant(samples, predictions)
    entries = [
        replace(entry, verdict=verdict(entry, checks, constant=constant, audited=audit)) for entry in entries
    ]
    return Evaluation(Accuracy(int(right.sum()), len(y)), predictions, entries, probes, checks)


def _attacked(harness: Harness, specs: Sequence[AttackSpec], right: Tensor) -> list[Robustness]:
    """The entries in the order of their attacks; those that one search answers for are run together.

    Raises the first one's error where all attacks have failed.
    """
    names, entries = unique_ids(specs), {}
    for group in _sharing_a_search(specs):
        answers = harness.attack([specs[place] for place in group], [names[place] for place in group], right)
        entries |= dict(zip(group, answers, strict=True))
    errors = [entry.error for entry in entries.values() if entry.error is not None]
    if errors and len(errors) == len(entries):
        raise errors[0]
    return [entries[place] for place in range(len(specs))]


def _checked(
    harness: Harness, predictions: Tensor, right: Tensor, entries: Sequence[Robustness]
) -> list[Check]:
    """The checks of every evaluation, which take no attack of their own."""
    samples, victim = harness.samples, harness.victim
    return [
        *model_checks(samples, tuple(entry.id for entry in entries)),
        *continuity_checks(samples, predictions, entries),
        *gradient_checks(samples, right, victim, entries),
        *slope_checks(samples, right, entries),
        *(check for entry in entries for check in own_checks(entry)),
        *order_checks(entries),
        *eps_checks(entries),
    ]


def _audited(
    harness: Harness, right: Tensor, entries: Sequence[Robustness]
) -> tuple[list[Robustness], list[Check]]:
    """The probes and checks of every threat and, once for each norm, of the other sizes."""
    probes, checks = [], []
    judged = judged_of(entries)
    for same in judged.values():
        more_probes, more_checks = Audit(harness, right, same).run()
        probes, checks = probes + more_probes, checks + more_checks
    for norm in dict.fromkeys(threat.norm for threat in judged):
        of_norm = [entry for threat, same in judged.items() if threat.norm is norm for entry in same]
        more_probes, more_checks = sizes_audit(harness, right, of_norm)
        probes, checks = probes + more_probes, checks + more_checks
    return probes, checks


def _sharing_a_search(specs: Sequence[AttackSpec]) -> list[list[int]]:
    """The places of the attacks, those together that one search for the nearest wrong point answers."""
    groups: dict[str, list[int]] = {}
    for place, spec in enumerate(specs):
        key = spec.search() if spec.attack.nearest else str(place)
        groups.setdefault(key, []).append(place)
    return list(groups.values())


@contextmanager
def _beside(source: nn.Module | None) -> Generator[nn.Module | None]:
    """The transfer source, if there is one, in the state in which the model is evaluated."""
    if source is None:
        yield None
    else:
        with evaluating(source) as used:
            yield used


def _check_source(source: nn.Module | None, samples: Samples, classes: int) -> None:
    if source is None:
        return
    x, _ = samples.batch(torch.tensor([0]))
    try:
        with torch.no_grad():
            classes_of_source = in_type(source, x.dtype)(x).shape[1]
    except RuntimeError as error:  # inputs of another shape, or a model on another device
        reason = str(error).splitlines()[0]
        raise ValueError(f"the transfer source cannot take these inputs: {reason}.") from None
    if classes_of_source != classes:
        raise ValueError(
            f"the transfer source has {classes_of_source} classes and the model {classes}; "
            "give a run of the same data set."
        )
