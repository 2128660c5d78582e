"""Runs whose config.yaml does not make the hash that their figures are of."""

import re
from dataclasses import replace

from bregman_exp import build
from bregman_exp.config import Run
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.runs.reading import LARGEST_CONFIG, read_text

SEED = re.compile(r"^seed: (\d+)$", re.MULTILINE)


def misfit(folder: RunFolder, rows: dict[str, Run]) -> str:
    """A sentence where a complete run's config.yaml does not fit, else "".

    ``rows``: the runs read so far, by config without the seed, in which the runs of a row differ: each row is
    parsed once, as YAML is slow.
    """
    record = folder.read_metrics()
    fingerprint = record["dataset"].get("fingerprint")
    if "config_hash" not in record or fingerprint is None:
        return ""  # nothing to compare with
    try:
        run = _stored_run(folder, rows)
        build.check_belongs(folder, build.identity_of(run, build.activation(run), fingerprint))
    except (build.MisfitError, NotARunError) as error:
        return str(error)
    except ValueError as error:
        try:
            build.check_is_older(folder, error)
        except build.MisfitError as misfit:
            return str(misfit)
    return ""


def _stored_run(folder: RunFolder, rows: dict[str, Run]) -> Run:
    text = read_text(folder.config, LARGEST_CONFIG)
    seeds, row = SEED.findall(text), SEED.sub("", text)
    if len(seeds) != 1:
        return build.stored_run(folder)
    if row not in rows:
        rows[row] = build.stored_run(folder)
    return replace(rows[row], seed=int(seeds[0]))
