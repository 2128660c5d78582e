"""Layers whose width changes: a learned matrix with its rows on the probability simplex."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bregman_exp.geometry import project_simplex


class OnSimplex(nn.Module):
    """Parametrization: every row of the raw matrix is projected onto {r ≥ 0, Σ r = 1}.

    The parameter is the raw matrix; the optimizer trains it through the projection.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return project_simplex(raw)

    def right_inverse(self, rows: Tensor) -> Tensor:
        return rows


class SimplexRows(nn.Module):
    """R ∈ ℝ^{out×in} with rows on the simplex, so that R z stays in the (convex) range of ρ.

    ``init="random"``: rows uniform on the simplex. ``init="deterministic"``: row i puts half of its weight
    on input i mod in, and spreads the other half evenly. Both start in the interior, because the projection
    has no gradient at a vertex of the simplex.
    """

    weight: Tensor

    def __init__(self, in_features: int, out_features: int, init: str):
        super().__init__()
        if init == "random":
            rows = torch.empty(out_features, in_features).exponential_()
            rows = rows / rows.sum(dim=1, keepdim=True)
        else:
            rows = torch.full((out_features, in_features), 0.5 / in_features)
            rows[torch.arange(out_features), torch.arange(out_features) % in_features] += 0.5
        self.weight = nn.Parameter(rows)
        parametrize.register_parametrization(self, "weight", OnSimplex())
