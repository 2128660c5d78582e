"""What evaluate.py says of a damaged run: the figures of the whole one, or one sentence."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bregman_exp.runs import RunFolder
from tests.conftest import Outcome
from tests.torture.trial import SHORT, ended, is_one_sentence


@dataclass
class Evaluation:
    """A suite that the run does not have yet, and does not keep; made while the run is whole."""

    command: Callable[..., Outcome]
    run: Path
    weights: str = "last"

    def __post_init__(self) -> None:
        self.whole = self._figures()[1]
        assert self.whole

    def way(self) -> str:
        done, figures = self._figures()
        if isinstance(done, str):
            return done
        if done.code:
            return "one sentence" if is_one_sentence(done) else f"unclear: {done.err}"
        return "as before" if figures == self.whole else f"CHANGED to {figures}"

    def _figures(self) -> tuple[Outcome | str, list[Any]]:
        words = (f"run={self.run}", *SHORT, "attack.samples=30", f"weights={self.weights}")
        before = set(self.run.glob("evaluations/*"))
        done = ended(lambda: self.command("evaluate", *words))
        figures = []
        for folder in set(self.run.glob("evaluations/*")) - before:
            if RunFolder(folder).complete:
                record = RunFolder(folder).read_metrics()
                figures += [[entry["correct"], entry["n"]] for entry in (record["clean"], *record["robust"])]
            shutil.rmtree(folder)
        return done, figures
