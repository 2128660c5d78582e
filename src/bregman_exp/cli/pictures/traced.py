"""The pictures that look into a network: regions, layers, fields, boundary, separation, moves."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from bregman_exp.cli.pictures.album import Album
from bregman_exp.cli.pictures.rows import strokes_of
from bregman_exp.cli.pictures.subjects import POINTS, Subject
from bregman_exp.models.trace import layer_map, logits_from, primal_range
from bregman_exp.results.pictures.animation import representation_gif
from bregman_exp.results.pictures.boundary import boundary_layers
from bregman_exp.results.pictures.fields import layer_fields
from bregman_exp.results.pictures.layers import representation_layers
from bregman_exp.results.pictures.moves import moves_by_layer
from bregman_exp.results.pictures.plane import Limits, cell_centres, chosen_layers, frame
from bregman_exp.results.pictures.regions import UNIT_SQUARE, Regions, decision_regions
from bregman_exp.results.pictures.separability import fisher_ratio, linear_accuracy
from bregman_exp.results.pictures.separation import separation_by_layer
from bregman_exp.results.pictures.spread import SPREAD, Curve

FIELD_CELLS, SHADED_CELLS, REGION_CELLS = 13, 150, 300  # a side of the grids
FRAMED = "The frame is the range of ρ where that is bounded, else a square about the points."


def regions(subject: Subject, album: Album) -> None:
    """Every seed shown over its decision regions in the input space."""
    centres = torch.from_numpy(cell_centres(UNIT_SQUARE, REGION_CELLS))
    shown = [
        Regions(
            row.seed(place).replace(": ", "\n"),
            _class_1(row.nets[place](centres).detach()),
        )
        for row, place in subject.shown()
    ]
    points = subject.data.test.x[:POINTS].numpy()
    album.add(
        decision_regions(points, subject.labels, shown),
        "regions",
        f"Decision regions: {subject.name}",
        f"{subject.points}, alone and over the probability of class 1 that each network gives, white at ½, "
        "where the line runs.",
    )


def layers(subject: Subject, album: Album) -> None:
    """Where each layer has moved the points, as panels and in motion."""
    title, depth = f"Representation by layer: {subject.name}", subject.rows[0].row.depth
    figure = representation_layers(
        subject.traced(chosen_layers(depth, subject.most_panels), _limits), subject.labels
    )
    gif = album.stem("layers", title).with_name(f"{album.stem('layers', title).name}.gif")
    representation_gif(subject.traced(range(depth + 1), _limits), subject.labels, gif)
    caption = f"{subject.points} in the primal space z = ρ(u) after the layers named. {FRAMED}"
    album.add(figure, "layers", title, caption, gif)


def fields(subject: Subject, album: Album) -> None:
    """Where each layer would move any point."""
    places = chosen_layers(subject.rows[0].row.depth - 1, subject.most_panels)
    album.add(
        layer_fields(subject.traced(places, _limits, _moves), subject.labels),
        "fields",
        f"Vector field of each layer: {subject.name}",
        "Arrows from z to z′ of the layer named, on a grid of its input space, scaled by the factor named; "
        f"behind them some of the {subject.points} as they come to the layer. {FRAMED}",
    )


def boundary(subject: Subject, album: Album) -> None:
    """Where the rest of the network is undecided, in the space of each layer."""
    places = chosen_layers(subject.rows[0].row.depth, subject.most_panels)
    album.add(
        boundary_layers(subject.traced(places, _limits, _probability_of_rest), subject.labels),
        "boundary",
        f"Decision boundary in each layer's space: {subject.name}",
        "In the primal space of each layer named: the probability of class 1 that the rest of the network "
        f"gives, white and a line where it is ½, and the {subject.points}. Under “input” it is the "
        f"network's own boundary. {FRAMED}",
    )


def separation(subject: Subject, album: Album) -> None:
    """Fisher's ratio and a linear classifier's accuracy on each layer, over seeds."""
    fisher, linear = [], []
    fitted = subject.data.train.y[:POINTS].numpy()
    for row in subject.rows:
        ratios = [[fisher_ratio(z, subject.labels) for z in seed] for seed in row.test_layers]
        right = [
            [
                100 * linear_accuracy(z_fit, fitted, z, subject.labels)
                for z_fit, z in zip(train, test, strict=True)
            ]
            for train, test in zip(row.train_layers, row.test_layers, strict=True)
        ]
        fisher.append(ratios)
        linear.append(right)
    chance = np.bincount(subject.labels).max() / len(subject.labels)
    album.add(
        separation_by_layer(_curves(subject, fisher), _curves(subject, linear), float(chance)),
        "separation",
        f"Separation by layer: {subject.name}",
        f"On {subject.points}. Left: Fisher's ratio Σ n‖μ − μ̄‖² over Σ‖z − μ‖², μ the means of the classes. "
        f"Right: accuracy of the least-squares classifier fitted to {len(fitted)} training points; dotted: "
        f"the larger class. {SPREAD} A gap where all points of a seed coincide. {subject.seeds}.",
    )


def moves(subject: Subject, album: Album) -> None:
    """How far each layer moves the test points."""
    sizes = [
        [[_mean_move(a, b) for a, b in pairwise(seed)] for seed in row.test_layers] for row in subject.rows
    ]
    album.add(
        moves_by_layer(_curves(subject, sizes)),
        "moves",
        f"Size of each layer's move: {subject.name}",
        f"Mean over {subject.points} of the distance that the layer after z⁽ˡ⁾ moves a point; a gap where "
        f"the width changes. {SPREAD} {subject.seeds}.",
    )


def _limits(net: nn.Module, z: np.ndarray) -> Limits:
    return frame(z, *primal_range(net))


def _moves(net: nn.Module, place: int, limits: Limits) -> np.ndarray:
    z = torch.from_numpy(cell_centres(limits, FIELD_CELLS))
    return (layer_map(net, place, z) - z).numpy()


def _probability_of_rest(net: nn.Module, place: int, limits: Limits) -> np.ndarray:
    return _class_1(logits_from(net, place, torch.from_numpy(cell_centres(limits, SHADED_CELLS))))


def _class_1(logits: torch.Tensor) -> np.ndarray:
    """(n·n, 2) logits -> (n, n) probabilities of class 1."""
    side = math.isqrt(len(logits))
    return logits.softmax(dim=1)[:, 1].view(side, side).numpy()


def _mean_move(before: np.ndarray, after: np.ndarray) -> float:
    """NaN where the width changes."""
    if before.shape != after.shape:
        return float("nan")
    return float(np.linalg.norm(after - before, axis=1).mean())


def _curves(subject: Subject, values: Sequence[Sequence[Sequence[float]]]) -> list[Curve]:
    """A curve a row from (seeds, layers) figures, by layer from 0."""
    labels = [row.label for row in subject.rows]
    strokes = strokes_of(labels, [row.row.version for row in subject.rows])
    return [
        Curve(label, strokes[label], np.arange(len(seeds[0])), np.array(seeds, float))
        for label, seeds in zip(labels, values, strict=True)
    ]
