"""What is checked of a run before a figure of it is shown: its records, and whether its config is theirs."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from bregman_exp.results.metrics_file import as_recorded
from bregman_exp.results.predictions import checked
from bregman_exp.results.run_folder import NotARunError, RunFolder

# A sentence where the config does not make the hash that the figures are of, else "". This part knows no
# config, so the commands give it; it is asked only where the file is not the one that metrics.json records.
ConfigFault = Callable[[RunFolder], str]


def unasked(_: RunFolder) -> str:
    return ""


def sound_records(
    run: RunFolder, config_fault: ConfigFault = unasked
) -> list[tuple[RunFolder, dict[str, Any]]]:
    """metrics.json of a complete run and of its complete evaluations; [] of a run that is not complete.

    Raises NotARunError, in a sentence, for whatever keeps the run out of a table.
    """
    if not run.config.exists():
        raise NotARunError(
            f"{run.path} has no config.yaml; bring it back, or train the run in a new output_dir."
        )
    if not run.complete:
        return []
    records = [(folder, checked(folder)) for folder in (run, *run.evaluations) if folder.complete]
    if not as_recorded(run.config, records[0][1]) and (fault := config_fault(run)):
        raise NotARunError(fault)
    return records


def config_faults(run: RunFolder) -> str:
    """What the commands say of it; their part takes seconds to import, and few runs need it."""
    return _config_faults()(run)


@cache
def _config_faults() -> ConfigFault:
    return import_module("bregman_exp.cli.sound").ConfigFaults()
