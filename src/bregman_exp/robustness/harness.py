"""The harness: it runs every attack, verifies its points and decides which samples are still right."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bregman_exp.robustness.attack_result import AttackResult, sum_counts
from bregman_exp.robustness.libraries import version_of
from bregman_exp.robustness.parts import Part, Parts, digest
from bregman_exp.robustness.result import Robustness
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.threat import TOLERANCE
from bregman_exp.robustness.victim import Victim
from bregman_exp.robustness.witness import Recorded, Witness, new_recorder

# (name of the attack, samples done, samples in all, samples still right)
OnProgress = Callable[[str, int, int, int], None]

LATE_GAIN = 0.05  # over the whole rise of the loss; a constant rise gains 0.1 in the last tenth


@dataclass(frozen=True)
class Harness:
    """Attacks on one victim; each finished batch is stored in ``parts``.

    ``key`` identifies the victim, the device and the versions of the libraries; a stored batch is used only
    if it agrees. ``witness`` repeats calls of each attack.
    """

    samples: Samples
    victim: Victim
    witness: Witness
    on_progress: OnProgress = lambda *_: None
    parts: Parts = field(default_factory=dict)
    keep_points: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            victim = self.victim
            device = str(next(victim.model.parameters(), self.samples.x).device)
            content = (*victim.models, list(victim.surrogates), victim.seed, device, _versions())
            object.__setattr__(self, "key", digest(*content))

    def attack(
        self, specs: Sequence[AttackSpec], names: Sequence[str], right: Tensor, n: int | None = None
    ) -> list[Robustness]:
        """The result of an attack on the samples that are ``right`` (N,).

        Several ``specs`` may differ only in ε, and only for an attack whose search serves every ε. ``n``: the
        denominator of the accuracy (default N). An attack that raises has no number; an error about memory is
        raised.
        """
        attacked = right.nonzero().flatten()
        total = len(right) if n is None else n
        batches = [index for index in attacked.split(self.samples.batch_size) if len(index)]
        done, left, parts = total - len(attacked), len(attacked), []
        self.on_progress(names[0], done, total, left)
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
            self.on_progress(names[0], done, total, left)
            if part.violation.max() > TOLERANCE:
                break  # the number will not be reported
        self.witness.compare_state()
        return [
            _joined(parts, size, spec, name, right, attacked, total)
            for size, (spec, name) in enumerate(zip(specs, names, strict=True))
        ]

    def _part(self, specs: Sequence[AttackSpec], index: Tensor) -> Part:
        settings = [spec.changed() for spec in specs]
        content = (settings, *self.samples.batch(index), self.samples.ids[index], self.keep_points)
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
        victim = replace(self.victim, model=samples.model).in_dtype(x.dtype)
        in_attack = new_recorder("attack", int(samples.ids[index[0]]))
        in_verification = new_recorder("judgement", int(samples.ids[index[0]]))
        attacked = replace(victim, model=Recorded(victim.model, in_attack))
        result = _run_attack(lambda: specs[-1].find(attacked, x, y, samples.ids[index]))
        points = [result.within(x, spec.eps) for spec in specs]
        recorded = samples.with_model(Recorded(samples.model, in_verification))
        predicted = torch.stack([recorded.predict(at, y) for at in points])
        repeated, differing = self.witness.repeat(victim.model, in_attack, in_verification)
        survivors = predicted == y.cpu()
        violations = [spec.threat.violation(at, x).max() for spec, at in zip(specs, points, strict=True)]
        undecided = None if result.proven is None else int((survivors[0] & ~result.proven.cpu()).sum())
        return Part(
            survivors=survivors,
            violation=torch.stack(violations).cpu(),
            seconds=time.perf_counter() - start,
            counts=result.counts,
            undecided=undecided,
            late=_late(result, survivors[0]),
            distances=None if result.distances is None else result.distances.cpu(),
            points=torch.stack(points).cpu() if self.keep_points else None,
            predicted=predicted if self.keep_points else None,
            repeated=repeated,
            differing=differing,
        )


class AttackFailedError(RuntimeError):
    """The attack raised ``error``."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


def _run_attack(find: Callable[[], AttackResult]) -> AttackResult:
    try:
        return find()
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if "can't allocate memory" in str(error):  # torch's RuntimeError on a CPU
            raise
        raise AttackFailedError(error) from error


def _versions() -> list[str]:
    return [version_of(name) for name in ("bregman-exp", "torch", "pyautoattack", "torchattacks")]


def _late(result: AttackResult, survived: Tensor) -> Tensor | None:
    """Survivors whose loss rose in the last tenth of the steps by more than 5 % of its whole rise."""
    if result.losses is None:
        return None
    start, before, end = result.losses.cpu().unbind(dim=1)
    return survived & (end - before > LATE_GAIN * (end - start))


def _joined(
    parts: list[Part], size: int, spec: AttackSpec, name: str, right: Tensor, attacked: Tensor, n: int
) -> Robustness:
    """The result of all batches of an attack, for the ε with index ``size``."""
    violation = max((float(part.violation[size]) for part in parts), default=0.0)
    undecided = [part.undecided for part in parts if part.undecided is not None]
    verified = all(float(part.violation.max()) <= TOLERANCE for part in parts)  # at every ε
    kept = verified and all(part.points is not None for part in parts) and bool(parts)
    return Robustness(
        id=name,
        spec=spec,
        n=n,
        survivors=_spread([part.survivors[size] for part in parts], right, attacked) if verified else None,
        seconds=sum(part.seconds for part in parts),
        violation=violation,
        counts=sum_counts(part.counts for part in parts),
        undecided=sum(undecided) if undecided or spec.attack.proves else None,
        late=_spread_if_any([part.late for part in parts], right, attacked, verified),
        distances=_spread_if_any([part.distances for part in parts], right, attacked, verified),
        attacked=attacked,
        repeated=sum(part.repeated for part in parts),
        differing=sum(part.differing for part in parts),
        points=torch.cat([part.points[size] for part in parts]) if kept else None,  # pyright: ignore
        predicted=torch.cat([part.predicted[size] for part in parts]) if kept else None,  # pyright: ignore
    )


def _spread(parts: list[Tensor], right: Tensor, attacked: Tensor) -> Tensor:
    """Values of the attacked samples as a tensor over all samples (N,); 0 for those not attacked."""
    if not parts:
        return torch.zeros_like(right)
    values = torch.cat(parts)
    return values.new_zeros(len(right)).index_put((attacked,), values)


def _spread_if_any(
    parts: list[Tensor | None], right: Tensor, attacked: Tensor, verified: bool
) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return _spread(present, right, attacked) if verified and present else None
