"""The networks of the zoo by their names: ``bx.pretrained``."""

from dataclasses import dataclass
from pathlib import Path
from typing import overload

from bregman_exp.build.loading import TrainedRun, load
from bregman_exp.runs import RunFolder, find_runs
from bregman_exp.zoo.card import card_text
from bregman_exp.zoo.checksums import check_files

NETWORKS = Path(__file__).parent / "networks"


@dataclass(frozen=True)
class Pretrained(TrainedRun):
    """A trained run of the zoo. ``card``: its data, recipe, command, figures and checksum, in Markdown."""

    card: str


@overload
def pretrained(name: None = None, folder: str | Path = NETWORKS) -> list[str]: ...
@overload
def pretrained(name: str, folder: str | Path = NETWORKS) -> Pretrained: ...
def pretrained(name: str | None = None, folder: str | Path = NETWORKS) -> list[str] | Pretrained:
    """The published network of this name, with its model card; the names of all without a name.

        run = bx.pretrained("bregman_resnet20_tanh")
        logits = run.net(images)    # images (N, 3, 32, 32) in [0, 1] -> logits (N, 10)
        print(run.card)

    ``folder``: another folder that ``scripts/publish.py`` wrote. Every file is checked against the SHA-256
    that was published. Raises ValueErrors, in one sentence, for a name that does not exist and for files that
    are not those.
    """
    names = [run.path.name for run in find_runs(Path(folder))]
    if name is None:
        return names
    if name not in names:
        raise ValueError(f"there is no pretrained network {name!r}; there are {', '.join(names) or 'none'}.")
    checksums = check_files(Path(folder), name)
    run_folder = RunFolder(Path(folder) / name)
    run = load(run_folder.path)
    return Pretrained(run.net, run.config, run.figures, card_text(run_folder, run, checksums))
