"""The figures that others published, or that were measured with their code: published.csv, in percent."""

import json
from collections.abc import Iterable
from functools import cache
from math import isclose
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.names import Frame

ARTICLE_EPOCHS, ARTICLE_IMAGES = 182, 45_000  # of bregmanet's CIFAR-10 demo
ARTICLE = "article"  # the source of what is published; the figures of all others are measured
MEASURED = (
    "measured with bregmanet 1.0.0, not in the article: its own model and data, made to run, atan, 1,000 "
    "train and 500 test points, SGD 0.01, batch 16, 10 seeds, population standard deviation"
)
SOURCES = {
    ARTICLE: "Frecon, Gasso, Pontil, Salzo, “Bregman Neural Networks”, ICML 2022, CIFAR-10; "
    "neither the attack nor ε is published with them",
    "measured": MEASURED,
    "stacked": f"{MEASURED}; deeper than 3 layers by a stacked re-implementation that agrees with it",
}
# (attack, norm) -> the ε at which the published baseline row would come about: fitted, so an assumption
FITTED = {
    ("pgd", "linf"): 0.71 / 255,
    ("pgd", "l2"): 0.080,
    ("fgsm", "linf"): 1.2 / 255,
    ("fgm", "l2"): 0.123,
}


@cache
def published() -> Frame:
    """A line a figure: measure (clean, linf, l2), model, act, data (a label), mean, std, source, remark.

    ``where``, JSON: what a run's config must say, if it says anything, for the figure to be of the same
    network and training.
    """
    return pd.read_csv(Path(__file__).with_name("published.csv")).astype({"remark": "object"})


def is_fitted(attack: str, norm: str, eps: float | None) -> bool:
    """Whether the threat is one whose ε was fitted to the published baseline."""
    fitted = FITTED.get((attack, norm))
    return fitted is not None and eps is not None and isclose(eps, fitted, rel_tol=1e-3)


def published_beside(rows: Frame, measures: Iterable[str]) -> Frame:
    """The figures of these rows (with line, model, act, data, weights, config): line, measure, published_mean
    and published_std, which are fractions, published_source, source, data_published, remark.

    No line where the rows' config does not tell which of several it would be, nor of weights that the
    reference does not evaluate. A copy of a data set (e.g. "CIFAR-10 (JPEG copy)") has those of the original.
    """
    figures = published()[published()["measure"].isin(measures)]
    rows = rows.loc[rows["weights"] == "last", ["line", "model", "act", "data", "config"]]
    joined = rows.merge(figures, on=["model", "act"], suffixes=("", "_published"))
    facts = joined[["data", "data_published", "config", "where"]].itertuples(index=False)
    fits = [
        (data == original or data.startswith(f"{original} ("))
        and _agree(json.loads(config), json.loads(where))
        for data, original, config, where in facts
    ]
    beside = joined[pd.Series(fits, joined.index, dtype=bool)]
    beside = beside.drop_duplicates(["line", "measure"], keep=False)
    shares = (beside[["mean", "std"]] / 100).round(6).add_prefix("published_")
    texts = beside[["line", "measure", "source", "data_published", "remark"]]
    return texts.join(shares).assign(published_source=beside["source"].map(SOURCES))


def _agree(config: dict[str, Any], where: dict[str, Any]) -> bool:
    return all(config.get(key, value) == value for key, value in where.items())
