"""The one harness: every attack runs through it, and it alone decides who is still right."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bregman_exp.robustness.found import Found, added
from bregman_exp.robustness.packages import version_of
from bregman_exp.robustness.parts import Part, Parts, digest
from bregman_exp.robustness.result import Robustness
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.threat import TOLERANCE
from bregman_exp.robustness.victim import Victim
from bregman_exp.robustness.witness import Noted, Witness, notes_of

# (name of the attack, samples done, samples in all, samples still right)
OnProgress = Callable[[str, int, int, int], None]

LATE_GAIN = 0.05  # of the whole rise of the loss: half of what a rise at constant speed gains in a tenth


@dataclass(frozen=True)
class Harness:
    """Attacks on one victim, each batch kept in ``parts`` as soon as it is done.

    ``key`` names the victim and what computes it: with another model, device or version of the libraries no
    part of an earlier evaluation fits. ``witness`` asks again what the model was asked in each attack.
    """

    samples: Samples
    victim: Victim
    witness: Witness
    tell: OnProgress = lambda *_: None
    parts: Parts = field(default_factory=dict)
    keep_points: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            victim = self.victim
            device = str(next(victim.model.parameters(), self.samples.x).device)
            content = (*victim.models, list(victim.twins), victim.seed, device, _versions())
            object.__setattr__(self, "key", digest(*content))

    def attack(
        self, specs: Sequence[AttackSpec], names: Sequence[str], right: Tensor, n: int | None = None
    ) -> list[Robustness]:
        """What the attack leaves of the samples that are ``right`` (N,); they alone are attacked.

        ``specs`` differ in ε alone; more than one only where one search answers for all. ``n``: out of how
        many the accuracy counts, the samples' number unless fewer are looked at. An attack that raises has no
        number; too little memory is not its failure, and is raised.
        """
        attacked = right.nonzero().flatten()
        total = len(right) if n is None else n
        batches = [index for index in attacked.split(self.samples.batch_size) if len(index)]
        done, left, parts = total - len(attacked), len(attacked), []
        self.tell(names[0], done, total, left)
        for index in batches:
            try:
                part = self._part(specs, index)
            except AttackFailedError as failure:
                return [
                    Robustness(name, spec, total, None, 0.0, attacked=attacked, error=failure.error)
                    for spec, name in zip(specs, names, strict=True)
                ]
            parts.append(part)
            done, left = done + len(index), left - len(index) + int(part.survivors[0].sum())
            self.tell(names[0], done, total, left)
            if part.violation.max() > TOLERANCE:
                break  # the number will not be reported
        self.witness.look()
        return [
            _joined(parts, place, spec, name, right, attacked, total)
            for place, (spec, name) in enumerate(zip(specs, names, strict=True))
        ]

    def _part(self, specs: Sequence[AttackSpec], index: Tensor) -> Part:
        told = [spec.changed() for spec in specs]
        content = (told, *self.samples.batch(index), self.samples.ids[index], self.keep_points)
        key = f"{specs[0].attack.label}-{digest(self.key, *content)}"
        try:
            return Part.of(self.parts[key])
        except KeyError:
            part = self._run(specs, index)
            self.parts[key] = part.arrays()
            return part

    def _run(self, specs: Sequence[AttackSpec], index: Tensor) -> Part:
        start = time.perf_counter()
        samples = self.samples.in_float64() if specs[0].precision == "float64" else self.samples
        x, y = samples.batch(index)
        victim = replace(self.victim, model=samples.model).computing_in(x.dtype)
        notes = notes_of("attack", int(samples.ids[index[0]]))
        last = notes_of("judgement", int(samples.ids[index[0]]))
        attacked = replace(victim, model=Noted(victim.model, notes))
        found = _tried(lambda: specs[-1].find(attacked, x, y, samples.ids[index]))
        points = [found.within(x, spec.eps) for spec in specs]
        judge = samples.asking(Noted(samples.model, last))
        predicted = torch.stack([judge.predict(at, y) for at in points])
        asked, otherwise = self.witness.asks_again(victim.model, notes, last)
        survivors = predicted == y.cpu()
        violations = [spec.threat.violation(at, x).max() for spec, at in zip(specs, points, strict=True)]
        undecided = None if found.proven is None else int((survivors[0] & ~found.proven.cpu()).sum())
        return Part(
            survivors=survivors,
            violation=torch.stack(violations).cpu(),
            seconds=time.perf_counter() - start,
            counts=found.counts,
            undecided=undecided,
            late=_late(found, survivors[0]),
            distances=None if found.distances is None else found.distances.cpu(),
            points=torch.stack(points).cpu() if self.keep_points else None,
            predicted=predicted if self.keep_points else None,
            asked=asked,
            otherwise=otherwise,
        )


class AttackFailedError(RuntimeError):
    """An attack itself raised ``error``."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


def _tried(find: Callable[[], Found]) -> Found:
    try:
        return find()
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if "can't allocate memory" in str(error):  # torch's word for it on a CPU, in a RuntimeError
            raise
        raise AttackFailedError(error) from error


def _versions() -> list[str]:
    return [version_of(name) for name in ("bregman-exp", "torch", "pyautoattack", "torchattacks")]


def _late(found: Found, survived: Tensor) -> Tensor | None:
    """Survivors whose loss rose in the last tenth of the steps by more than 5 % of its whole rise."""
    if found.losses is None:
        return None
    start, before, end = found.losses.cpu().unbind(dim=1)
    return survived & (end - before > LATE_GAIN * (end - start))


def _joined(
    parts: list[Part], place: int, spec: AttackSpec, name: str, right: Tensor, attacked: Tensor, n: int
) -> Robustness:
    """The parts of an attack together, for the size at ``place``."""
    violation = max((float(part.violation[place]) for part in parts), default=0.0)
    decided = [part.undecided for part in parts if part.undecided is not None]
    verified = all(float(part.violation.max()) <= TOLERANCE for part in parts)  # at every size
    kept = verified and all(part.points is not None for part in parts) and bool(parts)
    return Robustness(
        id=name,
        spec=spec,
        n=n,
        survivors=_spread([part.survivors[place] for part in parts], right, attacked) if verified else None,
        seconds=sum(part.seconds for part in parts),
        violation=violation,
        counts=added(part.counts for part in parts),
        undecided=sum(decided) if decided or spec.attack.proves else None,
        late=_of_all([part.late for part in parts], right, attacked, verified),
        distances=_of_all([part.distances for part in parts], right, attacked, verified),
        attacked=attacked,
        asked=sum(part.asked for part in parts),
        otherwise=sum(part.otherwise for part in parts),
        points=torch.cat([part.points[place] for part in parts]) if kept else None,  # pyright: ignore
        predicted=torch.cat([part.predicted[place] for part in parts]) if kept else None,  # pyright: ignore
    )


def _spread(parts: list[Tensor], right: Tensor, attacked: Tensor) -> Tensor:
    """What is known of the samples attacked as a tensor over all (N,); 0 for those not attacked."""
    if not parts:
        return torch.zeros_like(right)
    together = torch.cat(parts)
    return together.new_zeros(len(right)).index_put((attacked,), together)


def _of_all(parts: list[Tensor | None], right: Tensor, attacked: Tensor, verified: bool) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return _spread(there, right, attacked) if verified and there else None
