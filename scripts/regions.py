"""python scripts/regions.py outputs/…: the two-spiral data with every run's decision regions."""

import sys
from pathlib import Path

import numpy as np
import torch

from bregman_exp import build
from bregman_exp.results import find_runs
from bregman_exp.results.pictures.regions import Regions, decision_regions
from bregman_exp.results.pictures.style import write_figure

CELLS = 300  # a side of the grid
MOST = 8  # runs in one picture


def main() -> None:
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs")
    folders = [folder for folder in find_runs(place) if folder.complete]
    stored = [(folder, build.stored_run(folder)) for folder in folders]
    stored = [(folder, run) for folder, run in stored if run.dataset.name == "two_spiral"]
    if not stored:
        sys.exit(f"there is no complete two-spiral run in {place}; train one first.")
    metrics = [folder.read_metrics() for folder, _ in stored]
    if len({record["dataset"]["fingerprint"] for record in metrics}) > 1:
        sys.exit(f"the runs in {place} have different test points; give a folder with one data set.")
    if len(stored) > MOST:
        sys.exit(f"{place} holds {len(stored)} runs; give a folder with at most {MOST}.")
    data = build.dataset(stored[0][1])
    regions = []
    for (folder, run), record in zip(stored, metrics, strict=True):
        title = f"{record['model']} ({record['act']}),\nseed {run.seed}: {record['clean']['accuracy']:.1%}"
        regions.append(Regions(title, probability(build.trained_model(run, data, folder))))
    figure = decision_regions(data.test.x.numpy(), data.test.y.numpy(), regions)
    print(f"wrote {write_figure(figure, place / 'decision_regions.png')}")


def probability(net: torch.nn.Module) -> np.ndarray:
    """The probability of class 1 at the cells' centres, (CELLS, CELLS), rows by y."""
    centres = (torch.arange(CELLS) + 0.5) / CELLS
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    with torch.no_grad():
        logits = net(torch.stack([x.flatten(), y.flatten()], dim=1))
    return logits.softmax(dim=1)[:, 1].view(CELLS, CELLS).numpy()


if __name__ == "__main__":
    main()
