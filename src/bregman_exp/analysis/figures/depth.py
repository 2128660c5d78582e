"""Accuracy by depth, over seeds."""

from matplotlib.axes import Axes

from bregman_exp.analysis.figures import style
from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.rows import any_depth, own
from bregman_exp.analysis.intervals import mean_intervals
from bregman_exp.analysis.names import Frame, start_name

# by name of the data set, where the classes are equally frequent
CHANCE = {
    "two_spiral": 1 / 2,
    "circle": 1 / 2,
    "cifar10": 1 / 10,
    "fashion_mnist": 1 / 10,
    "cifar100": 1 / 100,
}
APART, BESIDE = 0.2, 0.08  # of the edge: between the curves at one depth; from a mean to its seeds
KIND = ["version", "act", "init"]  # of networks; a curve shows one of a panel


@Kind("Accuracy by depth", any_depth)
def depth(lines: Frame) -> list[Drawing]:
    """A panel for each initialisation: every seed a faint point, the mean with its 95 % interval."""
    lines = lines[lines["depth"] > 0]
    if lines["depth"].nunique() < 2:
        raise ValueError("one depth only")
    runs = _longest_trained(own(lines))
    figure, panels = style.side_by_side(runs["init"].nunique(), sharey=True)
    strokes, chance = style.strokes_of(runs, "curve"), CHANCE.get(runs["data_name"].iloc[0])
    for panel, (init, started) in zip(panels, runs.groupby("init", sort=False), strict=True):
        depths, curves = sorted(started["depth"].unique()), list(started.groupby("curve", sort=False))
        edge = max(1.1, (depths[-1] / depths[0]) ** 0.08)
        for place, (name, seeds) in enumerate(curves):
            _draw(panel, seeds, edge, place - (len(curves) - 1) / 2, strokes[name], str(name))
        if chance is not None:
            panel.axhline(100 * chance, color=style.GREY, lw=0.8, ls=":", zorder=0)
        panel.set(title=start_name(init, *started["version"]), xlabel="depth (layers)", xscale="log")
        panel.set(xlim=(depths[0] / edge, depths[-1] * edge), xticks=depths, xticklabels=depths)
        panel.minorticks_off()
    panels[0].set_ylabel("test accuracy (%)")
    style.legend_below(figure)
    left_out = lines["row"].nunique() - runs["row"].nunique()
    return [Drawing(figure, _caption(runs, left_out, "; dotted: chance" if chance is not None else ""))]


def _longest_trained(runs: Frame) -> Frame:
    """Of rows of the same kind and depth the longest trained, then the one with most seeds; with the columns
    ``longest`` (epochs) and ``seeds`` of each row, and ``curve``, e.g. "bregman_mlp (atan)"."""
    rows = runs.groupby("row")
    runs = runs.assign(longest=rows["epochs"].transform("max"), seeds=rows["seed"].transform("size"))
    runs["curve"] = runs["model"].str.replace(r"\d+", "", regex=True) + " (" + runs["act"] + ")"
    ranked = runs.sort_values(["longest", "seeds"], ascending=False, kind="stable")
    return runs[runs["row"].isin(ranked.drop_duplicates([*KIND, "depth"])["row"])]


def _draw(panel: Axes, seeds: Frame, edge: float, place: float, stroke: style.Stroke, label: str) -> None:
    """``edge``: the factor from the outermost depths to the ends of the axis; ``place``: of the curve among
    those at one depth, which stand beside each other."""
    shift, beside = edge ** (APART * place), edge ** (APART * place + BESIDE)
    x, y = seeds["depth"].astype(float) * beside, 100 * seeds["accuracy"].astype(float)
    panel.scatter(x, y, s=9, c=stroke["color"], marker=stroke["marker"], alpha=0.5, linewidths=0)
    intervals = mean_intervals(seeds, "depth")
    style.draw_intervals(panel, intervals.index.to_numpy(float) * shift, intervals, stroke, label=label)


def _caption(runs: Frame, left_out: int, dotted: str) -> str:
    by_depth = runs.groupby("depth")["longest"].unique()
    epochs = "; ".join(f"{depth}: {' or '.join(map(str, several))}" for depth, several in by_depth.items())
    seeds = " to ".join(map(str, sorted({runs["seeds"].min(), runs["seeds"].max()})))
    more = f" Of each kind the longest trained; {left_out} other rows are left out." if left_out else ""
    return (
        f"Faint points: one seed each, {seeds} a kind and depth; curves: their mean with its 95 % interval "
        f"(Student's t over seeds, cut to 0–100 %){dotted}. Epochs by depth: {epochs}.{more}"
    )
