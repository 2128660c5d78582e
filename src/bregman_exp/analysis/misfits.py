"""Runs whose config.yaml does not make the hash that their figures are of."""

import re
from dataclasses import replace
from typing import Any

from bregman_exp import build
from bregman_exp.config import Run
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.runs.reading import LARGEST_CONFIG, read_text

SEED = re.compile(r"^seed: (\d+)$", re.MULTILINE)


class Misfits:
    """``misfits(folder)``: a sentence where a complete run's config.yaml does not fit, else "".

    Seeds of a row differ in one line of it, so that each row is parsed once: YAML is slow.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Run] = {}

    def __call__(self, folder: RunFolder) -> str:
        record = folder.read_metrics()
        fingerprint = record["dataset"].get("fingerprint")
        if "config_hash" not in record or fingerprint is None:
            return ""  # there is nothing to compare with
        try:
            build.check_belongs(folder, self._identity(folder, fingerprint))
        except (build.MisfitError, NotARunError) as error:
            return str(error)
        except ValueError as error:
            return _of_unread_config(folder, error)
        return ""

    def _identity(self, folder: RunFolder, fingerprint: str) -> dict[str, Any]:
        run = self._run(folder)
        return build.identity_of(run, build.activation(run), fingerprint)

    def _run(self, folder: RunFolder) -> Run:
        try:
            text = read_text(folder.config, LARGEST_CONFIG)
        except (OSError, ValueError):
            return build.stored_run(folder)  # raises, with the reason
        seeds = SEED.findall(text)
        if len(seeds) != 1:
            return build.stored_run(folder)
        row = SEED.sub("", text)
        if row not in self._rows:
            self._rows[row] = build.stored_run(folder)
        return replace(self._rows[row], seed=int(seeds[0]))


def _of_unread_config(folder: RunFolder, error: ValueError) -> str:
    try:
        build.check_is_older(folder, error)
    except build.MisfitError as misfit:
        return str(misfit)
    return ""
