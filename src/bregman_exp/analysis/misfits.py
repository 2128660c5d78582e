"""Runs whose config.yaml does not make the hash that their figures are of."""

import re
from dataclasses import replace

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
            return ""  # nothing to compare with
        try:
            self._check(folder, fingerprint)
        except (build.MisfitError, NotARunError) as error:
            return str(error)
        return ""

    def _check(self, folder: RunFolder, fingerprint: str) -> None:
        try:
            run = self._run(folder)
            identity = build.identity_of(run, build.activation(run), fingerprint)
        except NotARunError:
            raise
        except ValueError as error:
            return build.check_is_older(folder, error)
        build.check_belongs(folder, identity)

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
