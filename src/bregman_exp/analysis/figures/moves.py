"""How far each layer moves the points."""

from itertools import pairwise

import numpy as np

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import KEEPS_A_WIDTH, Networks, twins
from bregman_exp.analysis.figures.rows import seed_counts
from bregman_exp.analysis.figures.style import BANDS, draw_bands, log_axis, side_by_side


@Kind("Size of each layer's move", twins, *KEEPS_A_WIDTH)
def moves(networks: Networks) -> list[Drawing]:
    """The mean of ‖z⁽ˡ⁺¹⁾ − z⁽ˡ⁾‖₂ over the test points, by l; logarithmic, a gap where nothing moves."""
    sizes = [[_mean_move(before, after) for before, after in pairwise(layers)] for layers in networks.layers]
    figure, (panel,) = side_by_side(1, height=2.8)
    log_axis(panel)
    draw_bands(panel, networks.runs, np.array(sizes))
    panel.set_xlabel("layer $l$ (0: input)", parse_math=True)
    panel.set_ylabel(r"mean of $\|z^{(l+1)} - z^{(l)}\|_2$" "\n(primal space, without unit)", parse_math=True)
    panel.locator_params(axis="x", integer=True)
    panel.legend()
    caption = (
        f"Mean over {networks.points} of the distance that the layer after z⁽ˡ⁾ moves a point; a gap where "
        f"the width changes. {BANDS} {seed_counts(networks.runs)}."
    )
    return [Drawing(figure, caption)]


def _mean_move(before: np.ndarray, after: np.ndarray) -> float:
    """NaN where the width changes."""
    same = before.shape == after.shape
    return float(np.linalg.norm(after - before, axis=1).mean()) if same else float("nan")
