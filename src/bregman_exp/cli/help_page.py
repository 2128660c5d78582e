"""The page that --help prints: choices, settings, examples, and the commands that come next."""

import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from string import Template

from hydra.core.config_store import ConfigStore

from bregman_exp.config import conf_dir
from bregman_exp.robustness import attack_usage
from bregman_exp.terminal import command as command_line

GROUPS = {  # command -> its groups
    "train": (
        "model",
        "act",
        "dataset",
        "attack",
        "row",
        "experiment",
        "scale",
        "optim",
        "training",
        "trainer",
        "logger",
    ),
    "evaluate": ("attack", "trainer"),
}
HELP, INFO, VERSION = ("--help", "-h"), ("--info", "-i"), "--version"
CHOOSES_A_MODEL = ("model=", "row=", "experiment=", "run=")
WIDTH, INDENT = 110, 12


def help_page(command: str, arguments: list[str]) -> str | None:
    """The page, or with --version the version, where the arguments ask for it; else None.

    --info, by which Hydra prints how it composed a config, needs a model or a run; without one it is --help.
    """
    if VERSION in arguments:
        return f"bregman-exp {version('bregman-exp')}"
    of_nothing = not any(argument.startswith(CHOOSES_A_MODEL) for argument in arguments)
    asked = any(a in HELP or (of_nothing and a.partition("=")[0] in INFO) for a in arguments)
    if not asked:
        return None
    page = Template((Path(__file__).parent / "help" / f"{command}.txt").read_text())
    return page.substitute(
        version=version("bregman-exp"),
        choices="\n".join(f"{group:{INDENT}}{_choices(group)}" for group in GROUPS[command]),
        attacks=attack_usage(),
        **_command_lines(command),
    )


def _choices(group: str) -> str:
    """The names of a group, those of plug-ins too, in lines under one another."""
    files = {file.stem for file in (Path(conf_dir()) / group).glob("*.yaml")}
    stored = {name.removesuffix(".yaml") for name in ConfigStore.instance().repo.get(group, {})}
    names = textwrap.fill(" ".join(sorted(files | stored)), WIDTH - INDENT, break_on_hyphens=False)
    return names.replace("\n", "\n" + " " * INDENT)


def _command_lines(command: str) -> dict[str, str]:
    """How the commands are typed: as files of a checkout, or as what pip installed."""
    typed = Path(sys.argv[0]).name
    lines = {
        name: " ".join(command_line(name)) for name in ("train", "evaluate", "table", "compare", "report")
    }
    return lines | {"command": f"python {typed}" if typed.endswith(".py") else typed}
