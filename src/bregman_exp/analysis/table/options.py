"""What may be asked of a table."""

from dataclasses import dataclass

NO_BASELINE, TWIN = "none", "twin"


@dataclass(frozen=True)
class Options:
    """``attacks``: starts of the ids that become columns; none given: the suite paper's PGD, else all.

    ``baseline``: a row's name or model; "twin": of each row the standard one with all else the same; "none";
    or None for the standard network of the same data; ``must_agree``: runs that do not are an error, else
    there is a table for each kind of them; ``any_version``: code versions need not agree; ``weights``: last,
    best, or None for those each run was evaluated with.
    """

    attacks: tuple[str, ...] = ()
    baseline: str | None = None
    must_agree: bool = False
    any_version: bool = False
    weights: str | None = None
