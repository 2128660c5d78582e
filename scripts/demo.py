"""make demo: one seed of the two-spiral experiment, standard and Bregman, with table and pictures."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = "outputs/two_spiral_3"
# two jobs of the experiment's sweep, with the start that suits the standard network best
EXPERIMENT = ("experiment=two_spiral_3", "hydra.mode=RUN", "model.init=deterministic", "seed=0")
MODELS = ("mlp", "bregman_mlp")
SCRIPTS = (
    ("scripts/table.py", FOLDER, "--attack", "pgd-linf"),
    ("scripts/pictures.py", FOLDER, "--what", "boundary", "layers", "--out", f"{FOLDER}/pictures"),
)


def main() -> None:
    # in parallel: each network is far too small for more than one core
    jobs = [start("train.py", *EXPERIMENT, f"model={model}") for model in MODELS]
    if any([job.wait() for job in jobs]):
        sys.exit("The demo did not train; the error stands above.")
    for script in SCRIPTS:
        if start(*script).wait():
            sys.exit(f"{script[0]} failed; the error stands above.")
    print("\nAll versions, both starts, 16 seeds: python train.py experiment=two_spiral_3")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment)


if __name__ == "__main__":
    main()
