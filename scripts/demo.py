"""make demo: the two-spiral experiment, standard beside Bregman, to a table and a picture."""

import os
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
    for script in (("scripts/table.py", FOLDER, "--attack", "pgd"), ("scripts/regions.py", FOLDER)):
        if start(*script).wait():
            sys.exit(f"{script[0]} failed; the reason stands above.")


def start(*words: str) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment)


if __name__ == "__main__":
    main()
