"""make docs: the reference of the code, in build/docs; a warning fails."""

import pkgutil
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import bregman_exp


def main() -> None:
    for name in bregman_exp.__all__:  # pdoc looks for what is imported already
        getattr(bregman_exp, name)
    # of a class of Lightning, whose package need not be installed
    warnings.filterwarnings("ignore", ".*parsing .*MlflowClient")
    pdoc.render.configure(show_source=False)
    rooms = [f"bregman_exp.{module.name}" for module in pkgutil.iter_modules(bregman_exp.__path__)]
    pdoc.pdoc("bregman_exp", *rooms, output_directory=Path("build/docs"))


if __name__ == "__main__":
    main()
