"""What is said below a table about all of it."""

from collections.abc import Sequence

import pandas as pd

from bregman_exp.analysis.names import Facts, Frame, short_code
from bregman_exp.analysis.published import ARTICLE_EPOCHS, ARTICLE_IMAGES, SOURCES
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options

PAIRED = (
    "one seed each: the interval is over the test samples that both networks saw (paired, Newcombe); it is "
    "about these two networks, not about their kinds"
)
NO_INTERVAL = "no interval where one of both has a single seed, or neither spreads"


def of_baseline(baseline: str, cells: Frame, options: Options) -> list[str]:
    """``baseline``: what the rows are compared with, "" where no row has any."""
    if not cells["baseline"].any():
        if options.baseline == TWIN:
            return ["no row here has a twin, a standard row with all else the same"]
        is_named = options.baseline not in (None, NO_BASELINE)
        return [f"no row here is the baseline {options.baseline}"] if is_named else []
    without = cells["difference"].notna() & cells["ci95_low"].isna()
    return [
        f"difference: row − {baseline}, in points, with its 95 % interval: unless a "
        "footnote says otherwise, t √(s²/n of the row + s²/n of the baseline) to either side, s over the "
        "n seeds, t with Welch's degrees of freedom; it speaks of other seeds, not of other test samples",
        *([NO_INTERVAL] if without.any() else []),
    ]


def of_published(row: Facts, published: Frame) -> list[str]:
    """Where the published figures come from, and what of them is not as in these runs. ``row``: the first."""
    sources = list(published["source"].unique())
    texts = [f"published: {SOURCES[source]}" for source in sources]
    for data in sorted(set(published["data_there"]) - {row["data"]}):
        texts.append(f"the published figures are of {data}, these runs of {row['data']}")
    if "article" not in sources:
        return texts
    budget, n = row["budget"], row["n_train"]
    if budget != str(ARTICLE_EPOCHS):
        texts.append(f"the reference's recipe trains {ARTICLE_EPOCHS} epochs, these runs {budget}")
    if not pd.isna(n) and n != ARTICLE_IMAGES:
        texts.append(f"the reference's recipe trains on {ARTICLE_IMAGES:,} images, these runs on {n:,}")
    return texts


def of_code(codes: set[str]) -> list[str]:
    dirty = sorted(short_code(code) for code in codes if code.endswith("-dirty"))
    return [f"{', '.join(dirty)}: with changes that no commit holds"] if dirty else []


def of_evaluations(frame: Frame, chosen: Frame) -> list[str]:
    """By run, how many of its evaluations are of other weights, and which are not complete."""
    later = frame[frame["evaluation"] != ""].drop_duplicates(["run", "evaluation"])
    weights = chosen.drop_duplicates("run")[["run", "weights"]]
    later = later.merge(weights, on="run", suffixes=("", "_shown"))
    return [text for path, of_run in later.groupby("run", sort=False) for text in _of_run(path, of_run)]


def _of_run(path: object, evaluations: Frame) -> Sequence[str]:
    complete = evaluations["state"] == "complete"
    other = int((complete & (evaluations["weights"] != evaluations["weights_shown"])).sum())
    return [
        *([f"{path}: {other} of its evaluations are of other weights"] if other else []),
        *(f"{path}: evaluation {name} is not complete" for name in evaluations.loc[~complete, "evaluation"]),
    ]
