"""Layers whose width changes: a learned matrix with its rows on the probability simplex."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bregman_exp.geometry import project_simplex


class OnSimplex(nn.Module):
    """Parametrization: every row of the raw matrix projected on {r ≥ 0, Σ r = 1}.

    The raw matrix is the parameter, so the optimizer trains it through the projection.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return project_simplex(raw)

    def right_inverse(self, rows: Tensor) -> Tensor:
        return rows


class SimplexRows(nn.Module):
    """R ∈ ℝ^{out×in} with rows on the simplex, so that R z stays in the (convex) range of ρ.

    ``init="random"``: rows uniform on the simplex. ``init="deterministic"``: half of a row's weight on one
    input, in turn, and half spread evenly. Both start in the interior: at a vertex of the simplex the
    projection has no gradient.
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
