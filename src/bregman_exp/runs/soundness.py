"""What is checked of a run before a figure of it is shown: its records, and whether its config is theirs."""

from collections.abc import Callable
from typing import Any

from bregman_exp.runs.metrics_file import as_recorded
from bregman_exp.runs.predictions import checked
from bregman_exp.runs.run_folder import NotARunError, RunFolder

# A sentence where the config does not make the hash that the figures are of, else "". This part knows no
# config, so the reader gives it; it is asked only where the file is not the one that metrics.json records.
ConfigFault = Callable[[RunFolder], str]


def sound_records(run: RunFolder, config_fault: ConfigFault) -> list[tuple[RunFolder, dict[str, Any]]]:
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
