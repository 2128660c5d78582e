"""Adversarial points of another model, shown to the attacked model."""

from dataclasses import dataclass, fields, replace

from torch import Tensor

from bregman_exp.robustness.attacks.pgd import PGD, Descent
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim


@dataclass(frozen=True)
class Transfer(Descent):
    """PGD on the source, without early stop; its points are shown unchanged to the attacked model.

    ``source`` is the name of the source in metrics.json and the hash.
    """

    name = "transfer"
    gradients = False  # it does not use the gradient of the attacked model

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
