"""Whether a run's config.yaml is that of its figures, before it has a place in a table."""

import sys
from collections.abc import Callable, Iterable
from functools import cache

from bregman_exp.results.predictions import checked
from bregman_exp.results.reading import shown
from bregman_exp.results.run_folder import NotARunError, RunFolder

# A sentence where the config does not make the hash that the figures are of, else "". This part knows no
# config, so the commands give it; it is asked only where the file is not the one that metrics.json records.
ConfigFault = Callable[[RunFolder], str]


def fault_of(run: RunFolder, config_fault: ConfigFault) -> str:
    """What keeps a run, with its evaluations, out of a table, in a sentence; "" for nothing."""
    if not run.config.exists():
        return f"{run.path} has no config.yaml; bring it back, or train the run in a new output_dir."
    if not run.complete:
        return ""
    try:
        for figures in (run, *run.evaluations):
            if figures.complete:
                checked(figures)
        return "" if run.config_as_recorded else config_fault(run)
    except (NotARunError, OSError) as error:
        return str(error)


def fitting(runs: Iterable[RunFolder], config_fault: ConfigFault) -> list[RunFolder]:
    """The runs that may have a place in a table; of each other one a sentence on stderr.

    Raises ValueError where none is left.
    """
    runs = list(runs)
    faults = [fault_of(run, config_fault) for run in runs]
    for fault in filter(None, faults):
        print(f"left out: {shown(fault)}", file=sys.stderr)
    left = [run for run, fault in zip(runs, faults, strict=True) if not fault]
    if runs and not left:
        raise ValueError("no run is left; mend the files that are named above, or give other folders.")
    return left


def made_when_asked(make: Callable[[], ConfigFault]) -> ConfigFault:
    """What ``make`` gives, which takes seconds to import, made for the first run that needs it."""
    made = cache(make)
    return lambda run: made()(run)
