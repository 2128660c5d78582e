"""The evaluation of a model: clean accuracy, every attack, the checks, the verdicts.

Only samples that are right on clean data are attacked. Every point that an attack returns is verified:
finite, in the box, in the ball to 1e-6, and shown to the model again. If a point fails, the attack has no
number. An attack that raises an error has no number either, and the others are still run. The state of the
model and of the program is restored (see ``evaluating``).
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from bregman_exp.robustness.checks.audit import Audit, judged_of
from bregman_exp.robustness.checks.continuity import continuity_checks
from bregman_exp.robustness.checks.entries import eps_checks, order_checks, own_checks, verdict
from bregman_exp.robustness.checks.gradients import gradient_checks, slope_checks
from bregman_exp.robustness.checks.model import is_constant, model_checks, state_checks
from bregman_exp.robustness.checks.sizes import sizes_audit
from bregman_exp.robustness.harness import Harness, OnProgress
from bregman_exp.robustness.isolation import evaluating, in_dtype
from bregman_exp.robustness.parts import Parts
from bregman_exp.robustness.result import Accuracy, Check, Evaluation, Robustness
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
    """Clean accuracy, then the robust accuracy under each attack, with the checks of both.

    ``ids`` key the random streams of the samples (default 0 … N−1). ``audit``: run every check, with the
    attacks that it needs. ``source``: the model that attack=transfer and the audit transfer from. ``parts``:
    where finished batches are stored, and read from. ``keep_points``: keep the adversarial points.

    Shapes: x (N, …), uint8 or float in [0, 1]; y, ids (N,); the model returns logits (N, K). Raises
    ValueError for invalid samples, logits or source, and the first attack's error if all attacks fail.
    """
    ids = torch.arange(len(y)) if ids is None else ids
    with evaluating(model) as used, _evaluating_source(source) as used_source:
        samples, witness = Samples(used, x, y, ids, batch_size), Witness(used)
        predictions, classes = samples.with_model(witness.recorded()).predictions()
        witness.record_state()
        _check_source(used_source, samples, classes)
        victim = Victim.of(used, seed, used_source)
        specs = [spec.for_classes(classes) for spec in specs]
        for spec in specs:
            spec.attack.check_fits(victim, classes)
        progress = on_progress or (lambda *_: None)
        harness = Harness(samples, victim, witness, progress, {} if parts is None else parts, keep_points)
        return _attack_and_check(harness, specs, predictions, audit=audit)


def _attack_and_check(
    harness: Harness, specs: Sequence[AttackSpec], predictions: Tensor, *, audit: bool
) -> Evaluation:
    samples, witness = harness.samples, harness.witness
    right = predictions == samples.y.cpu()
    harness.on_progress("clean", len(right), len(right), int(right.sum()))
    entries = _attacked(harness, specs, right)
    checks = _checked(harness, predictions, right, entries)
    probes, more = _audited(replace(harness, keep_points=False), right, entries) if audit else ([], [])
    checks += more + state_checks(witness, [*entries, *probes], tuple(entry.id for entry in entries))
    unmoved = all(e.survivors is None or torch.equal(e.survivors, right) for e in entries)
    constant = unmoved and is_constant(samples, predictions)
    entries = [
        replace(entry, verdict=verdict(entry, checks, constant=constant, audited=audit)) for entry in entries
    ]
    return Evaluation(Accuracy(int(right.sum()), len(right)), predictions, entries, probes, checks)


def _attacked(harness: Harness, specs: Sequence[AttackSpec], right: Tensor) -> list[Robustness]:
    """The results in the order of the specs; specs that share a search are run together.

    Raises the first error if all attacks have failed.
    """
    names, entries = unique_ids(specs), {}
    for group in _sharing_a_search(specs):
        results = harness.attack([specs[i] for i in group], [names[i] for i in group], right)
        entries |= dict(zip(group, results, strict=True))
    errors = [entry.error for entry in entries.values() if entry.error is not None]
    if errors and len(errors) == len(entries):
        raise errors[0]
    return [entries[index] for index in range(len(specs))]


def _checked(
    harness: Harness, predictions: Tensor, right: Tensor, entries: Sequence[Robustness]
) -> list[Check]:
    """The checks of every evaluation, which need no further attack."""
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
    """The audit's probes and checks, for each threat and, at other ε, for each norm."""
    probes, checks = [], []
    judged = judged_of(entries)
    for of_threat in judged.values():
        more_probes, more_checks = Audit(harness, right, of_threat).run()
        probes, checks = probes + more_probes, checks + more_checks
    for norm in dict.fromkeys(threat.norm for threat in judged):
        of_norm = [e for threat, of_threat in judged.items() if threat.norm is norm for e in of_threat]
        more_probes, more_checks = sizes_audit(harness, right, of_norm)
        probes, checks = probes + more_probes, checks + more_checks
    return probes, checks


def _sharing_a_search(specs: Sequence[AttackSpec]) -> list[list[int]]:
    """The indices of the specs, grouped if a single search for the nearest wrong points serves them."""
    groups: dict[str, list[int]] = {}
    for index, spec in enumerate(specs):
        key = spec.search() if spec.attack.nearest else str(index)
        groups.setdefault(key, []).append(index)
    return list(groups.values())


@contextmanager
def _evaluating_source(source: nn.Module | None) -> Generator[nn.Module | None]:
    """``evaluating`` for the transfer source, if there is one."""
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
            classes_of_source = in_dtype(source, x.dtype)(x).shape[1]
    except RuntimeError as error:  # another input shape, or a model on another device
        reason = str(error).splitlines()[0]
        raise ValueError(f"the transfer source cannot take these inputs: {reason}.") from None
    if classes_of_source != classes:
        raise ValueError(
            f"the transfer source has {classes_of_source} classes and the model {classes}; "
            "give a run of the same data set."
        )
