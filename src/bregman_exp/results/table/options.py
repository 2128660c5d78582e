"""What may be asked of a table."""

from dataclasses import dataclass

NO_BASELINE, TWIN = "none", "twin"
WEIGHTS = ("last", "best")


@dataclass(frozen=True)
class Options:
    """``attacks``: starts of the ids that become columns; none given: the suite paper's PGD, else all.

    ``baseline``: a row's name or model; "twin": of each row the standard one with all else the same; "none";
    or None for the standard network of the same data; ``split``:
    a table for each kind of runs where they do not agree; ``any_version``: code versions need not agree;
    ``weights``: last, best, or None for those each run was evaluated with.
    """

    attacks: tuple[str, ...] = ()
    baseline: str | None = None
    split: bool = False
    any_version: bool = False
    weights: str | None = None
