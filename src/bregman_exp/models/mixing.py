"""What the skip of an MLP's layer carries where the width changes: R z with a learned matrix R."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bregman_exp.geometry import LegendreMap, project_simplex
from bregman_exp.geometry.clamping import clamp_between
from bregman_exp.models.layer_map import LayerMap

MIXINGS = ("simplex", "free")


class OnSimplex(nn.Module):
    """Parametrization: every row of the raw matrix is projected onto {r ≥ 0, Σ r = 1}.

    The parameter is the raw matrix; the optimizer trains it through the projection.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return project_simplex(raw)

    def right_inverse(self, rows: Tensor) -> Tensor:
        return rows


class Mixing(nn.Module):
    """R ∈ ℝ^{out×in}. With rows on the simplex R z stays in the (convex) range of ρ.

    ``init="random"``: rows uniform on the simplex. ``init="deterministic"``: row i puts half of its weight
    on input i mod in, and spreads the other half evenly. Both start in the interior, because the projection
    has no gradient at a vertex of the simplex. ``free``: R is not constrained after that.
    """

    weight: Tensor

    def __init__(self, in_features: int, out_features: int, init: str, free: bool = False):
        super().__init__()
        if init == "random":
            rows = torch.empty(out_features, in_features).exponential_()
            rows = rows / rows.sum(dim=1, keepdim=True)
        else:
            rows = torch.full((out_features, in_features), 0.5 / in_features)
            rows[torch.arange(out_features), torch.arange(out_features) % in_features] += 0.5
        self.weight, self.free = nn.Parameter(rows), free
        if not free:
            parametrize.register_parametrization(self, "weight", OnSimplex())

    def dual(self, u: Tensor, z: Tensor, rho: LayerMap, clamp: float | None) -> Tensor:
        """ρ⁻¹(R z) with z = ρ(u); of a free R, R z is clamped to [lo + clamp, hi − clamp] before ρ⁻¹.

        Shapes: u, z (N, in_features) -> (N, out_features).
        """
        if not self.free:
            return cast(LegendreMap, rho.act).dual_average(u, self.weight)
        (lo, hi), c = cast(LegendreMap, rho.act).range, clamp or 0.0
        return rho.dual(clamp_between(z @ self.weight.T, lo + c, hi - c))
