"""make demo: the two-spiral experiment, standard beside Bregman, to a table and a picture."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODELS = ("mlp", "bregman_mlp")
FOLDER = "outputs/two_spiral_3"


def main() -> None:
    # side by side: each network is far too small for more than one core
    jobs = [start("train.py", "experiment=two_spiral_3", f"model={model}", "seed=0") for model in MODELS]
    if any([job.wait() for job in jobs]):
        sys.exit("The demo did not train; the reason stands above.")
    for script in ("table", "regions"):
        if start(f"scripts/{script}.py", FOLDER).wait():
            sys.exit(f"scripts/{script}.py failed; the reason stands above.")


def start(*words: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *words], cwd=ROOT)


if __name__ == "__main__":
    main()
