"""bregman <command>: one door to all commands; python -m bregman_exp is the same.

A command's module is imported when it is called, since some load torch and others pandas.
"""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

COMMANDS = {  # in the order of use
    "train": "train networks and measure their clean and robust accuracy",
    "evaluate": "attack a trained network again, with another suite",
    "runs": "list the runs: row, seed, state, accuracies, verdict",
    "table": "the results table, with statistics, for the terminal, LaTeX, HTML, Markdown, CSV",
    "compare": "is A better than B: two runs or two rows, with p-values and intervals",
    "report": "one HTML page of tables, pictures, checks and every run",
    "pictures": "draw pictures of runs",
    "models": "list the models, with parameters and multiply-adds",
    "bench": "measure how fast it is (in a checkout)",
    "clean": "remove runs that failed or were interrupted, or older evaluations",
}
OF_HYDRA = ("train", "evaluate")
HELP = f"""bregman-exp {version("bregman-exp")}: experiments with Bregman neural networks.

{chr(10).join(f"    bregman {name:9} {does}" for name, does in COMMANDS.items())}

bregman <command> --help says more. Completion in bash: complete -C "bregman --complete" bregman
"""


def main() -> None:
    """``bregman``: exits with 1 after a mistake, else as the command."""
    program, *arguments = sys.argv
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        return print(HELP, end="")
    name, *rest = arguments
    if name == "--version":
        return print(f"bregman-exp {version('bregman-exp')}")
    if name == "--complete":
        return print("\n".join(completions(os.environ.get("COMP_LINE", ""))))
    if name not in COMMANDS:
        sys.exit(f"there is no command {name!r}; there are {', '.join(COMMANDS)}.")
    sys.argv = [f"{_typed(program)} {name}", *rest]
    try:
        run_command(name)
    except KeyboardInterrupt:
        sys.exit(130)


def _typed(program: str) -> str:
    """ "bregman", or "python -m bregman_exp"."""
    return "python -m bregman_exp" if Path(program).name == "__main__.py" else Path(program).name


def run_command(name: str) -> None:
    """The command with the arguments in sys.argv; also what the files in scripts/ call."""
    if name in OF_HYDRA:
        return getattr(import_module("bregman_exp.cli"), name)()
    if name == "bench":
        return _bench()
    from bregman_exp.terminal import in_one_sentence

    module = import_module(f"bregman_exp.cli.commands.{name}")
    arguments = module.parser(_typed(sys.argv[0])).parse_args()
    with in_one_sentence():
        module.run(arguments)


def _bench() -> None:
    """The benchmarks are files of a checkout, not of the package."""
    root = Path(__file__).parents[3]
    if not (root / "benchmarks").is_dir():
        sys.exit("bregman bench runs in a checkout only, where the benchmarks are; clone the repository.")
    sys.path.insert(0, str(root))
    import_module("benchmarks.command").bench()


def completions(line: str) -> list[str]:
    """The words that may stand where the line ends: commands, then the groups and their choices."""
    words = line.split()
    word = "" if line.endswith(" ") or not words else words.pop()
    if len(words) < 2:
        return [name for name in COMMANDS if name.startswith(word)]
    if words[1] not in OF_HYDRA:
        return [str(path) + ("/" if path.is_dir() else "") for path in sorted(Path().glob(f"{word}*"))]
    group, chosen, name = word.partition("=")
    groups = {folder.name: folder for folder in _conf().iterdir() if folder.is_dir()}
    if not chosen:
        return [f"{name}=" for name in sorted(groups) if name.startswith(word)]
    files = groups[group].glob(f"{name}*.yaml") if group in groups else ()
    return sorted(file.stem for file in files)  # bash takes "=" for the end of a word


def _conf() -> Path:
    """As ``config.conf_dir``, which loads torch."""
    package = Path(__file__).parents[1]
    return package / "conf" if (package / "conf").is_dir() else package.parents[1] / "conf"
