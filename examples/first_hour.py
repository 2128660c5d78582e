"""The first hour in two minutes: train, load, attack, compare, report. Cells (# %%) as in a notebook.

python examples/first_hour.py writes to outputs/first_hour; the same command again skips what is complete.
"""

# %% Train a standard and a Bregman network of 10 layers of 2 neurons, three seeds each.
import subprocess
import sys

import bregman_exp as bx

FOLDER = "outputs/first_hour"


def bregman(*words: str) -> None:
    """The command ``bregman``, also where it is not on the path."""
    print(f"\n$ bregman {' '.join(words)}", flush=True)
    subprocess.run([sys.executable, "-m", "bregman_exp", *words], check=True)


for model in ("mlp", "bregman_mlp"):
    bregman(
        *("train", f"model={model}", "model.depth=10", "model.init=deterministic", "trainer.max_epochs=60"),
        *("attack=pgd", "seeds=0..2", "experiment_name=first_hour"),
    )

# %% Which runs there are, and the table of them: mean ± standard deviation over seeds.
bregman("runs", FOLDER)
bregman("table", FOLDER, "--attack", "pgd-linf")

# %% The same figures as a pandas frame.
frame = bx.results(FOLDER)
clean = frame[(frame["id"] == "clean") & (frame["evaluation"] == "")]
print(clean.groupby("model")["accuracy"].agg(["mean", "std", "count"]))

# %% Load a trained network and attack it in Python.
run = bx.load(clean[clean["model"] == "bregman_mlp"]["run"].iloc[0])
print(run.config.model.depth, "layers; recorded clean accuracy", run.figures["clean"]["accuracy"])
from bregman_exp.data import two_spiral  # noqa: E402

test = two_spiral().test
for norm, eps in (("Linf", "5/255"), ("L2", 0.05)):
    print(bx.robust_accuracy(run.net, test.x, test.y, attack="pgd", norm=norm, eps=eps, restarts=3))

# %% Attack a run with a stronger suite, from the command line.
bregman("evaluate", f"run={clean['run'].iloc[0]}", "attack=suite", "eps=5/255", "attack.samples=100")

# %% One page with tables, pictures, checks and every run.
bregman("report", FOLDER)
