"""Another model's adversarial points, shown to the attacked one."""

from dataclasses import dataclass, fields, replace

from torch import Tensor

from bregman_exp.robustness.attacks.pgd import PGD, Descent
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim


@dataclass(frozen=True)
class Transfer(Descent):
    """PGD on the source, to the end: its points are shown to the attacked model as they are.

    ``source`` says what the source is called, in metrics.json and the hash.
    """

    name = "transfer"
    gradients = False  # not the attacked model's

    source: str | None = None

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        on_source = PGD(**{f.name: getattr(self, f.name) for f in fields(Descent)}, early_stop=False)
        return on_source.find(replace(victim, model=victim.transfer_source), x, y, ids, threat).points

    @property
    def needs_source(self) -> bool:
        return True

    def check_fits(self, victim: Victim, classes: int) -> None:
        super().check_fits(victim, classes)
        _ = victim.transfer_source
