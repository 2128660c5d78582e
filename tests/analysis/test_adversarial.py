"""Pictures of adversarial examples: what stands in them."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bregman_exp.cli.example_pictures import adversarial_images, adversarial_points

LABELS = np.array([0, 1, 2, 0])
BEFORE = np.array([1, 1, 2, 0])  # the first is wrong before
AFTER = np.array([1, 1, 0, 2])  # the second resists, the last two are turned
NAMES = ("cat", "dog", "bird")
CLEAN = np.full((4, 3, 4, 6), 0.5, np.float32)
POINTS = np.array([[0.2, 0.3], [0.8, 0.7], [0.5, 0.5]])
MOVED = POINTS + np.array([[0.1, 0.0], [0.0, -0.1], [0.0, 0.0]])


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, as matplotlib holds them."""
    saved: list[Figure] = []
    save = Figure.savefig

    def remember(figure: Figure, *args: object, **kwargs: object) -> None:
        saved.append(figure)
        save(figure, *args, **kwargs)  # pyright: ignore

    monkeypatch.setattr(Figure, "savefig", remember)
    return saved


def images(**changed: np.ndarray) -> dict[str, np.ndarray]:
    adversarial = CLEAN.copy()
    adversarial[:, :, 0, 0] += 0.1
    adversarial[-1, :, 1, 1] -= 0.05
    given = {"clean": CLEAN, "adversarial": adversarial, "label": LABELS}
    return given | {"prediction": BEFORE, "adversarial_prediction": AFTER} | changed


def points(**changed: np.ndarray) -> dict[str, np.ndarray]:
    labels = np.array([0, 1, 1])
    given = {"clean": POINTS, "adversarial": MOVED, "label": labels, "prediction": labels}
    return given | {"adversarial_prediction": np.zeros(3, int)} | changed


def titles(figure: Figure, row: int) -> list[str]:
    columns = len(figure.axes) // 3
    return [panel.get_title() for panel in figure.axes[row * columns : (row + 1) * columns]]


def test_turned_samples_first_then_resisting_then_wrong_before(tmp_path: Path, figures: list[Figure]) -> None:
    adversarial_images(tmp_path / "p.png", images(), NAMES, "a title")
    (figure,) = figures
    assert titles(figure, 0) == ["✓ bird", "✓ cat", "✓ dog", "✗ dog\n(is cat)"]
    assert titles(figure, 2) == ["✗ cat", "✗ bird", "✓ dog", "✗ dog"]
    assert figure.get_suptitle() == "a title"
    panels = figure.axes  # the perturbation is magnified about grey
    assert panels[4].get_ylabel() == "perturbation\n× 5\nlargest 0.1"
    shown = np.asarray(panels[5].images[0].get_array())  # the last sample stands second
    assert [shown[0, 0, 0], shown[1, 1, 0], shown[2, 2, 0]] == pytest.approx([1, 0.25, 0.5], abs=1e-6)


def test_grey_images_without_answer_or_change_and_no_more_than_eight(
    tmp_path: Path, figures: list[Figure]
) -> None:
    clean = CLEAN[:, :1]
    changes = {"clean": clean, "adversarial": clean, "adversarial_prediction": np.array([1, 1, -1, 2])}
    adversarial_images(tmp_path / "deep" / "p.png", images(**changes), "abc", "a title")
    assert titles(figures[0], 0) == ["✓ c", "✓ a", "✓ b", "✗ b\n(is a)"]
    assert titles(figures[0], 2) == ["✗ no class", "✗ c", "✓ b", "✗ b"]
    assert figures[0].axes[4].get_ylabel() == "perturbation\nnone"
    assert imread(tmp_path / "deep" / "p.png").std() > 0
    many = {name: np.concatenate([array] * 3) for name, array in images().items()}
    adversarial_images(tmp_path / "p.png", many, NAMES, "a title")
    assert len(titles(figures[1], 0)) == 8


def test_no_text_overlaps_and_a_dollar_is_no_mathematics(tmp_path: Path, figures: list[Figure]) -> None:
    names = ("Staffordshire bullterrier, Staffordshire bull terrier", "$\\undefined$ for $5", "ox")
    title = "a title much longer than the picture is wide, $x_{$ " * 3
    adversarial_images(tmp_path / "p.png", images(), names, title)
    (figure,) = figures
    assert any("$\\undefined$" in title for title in titles(figure, 0))
    figure.draw_without_rendering()  # boxes in the figure's own dots, not in the file's
    texts = [panel.title for panel in figure.axes if panel.get_title()]
    texts += [panel.yaxis.label for panel in figure.axes if panel.get_ylabel()]
    boxes = [text.get_window_extent() for text in (*texts, *figure.texts)]
    boxes += [panel.get_window_extent().padded(-1) for panel in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1) for box in boxes)
    assert all(figure.bbox.containsy(box.y0) and figure.bbox.containsy(box.y1) for box in boxes)


def test_points_have_arrows_the_wrong_ones_crosses_and_the_boundary_behind(
    tmp_path: Path, figures: list[Figure]
) -> None:
    adversarial_points(tmp_path / "p.png", points(), "a title", lambda x: x[:, 0])  # undecided at x = ½
    (panel,) = figures[0].axes
    boundary, held, turned, first, second, crosses = panel.collections
    line = boundary.get_paths()[0].vertices
    assert line[:, 0] == pytest.approx(np.full(len(line), 0.5), abs=1e-3)
    assert np.allclose((held.U, held.V), [[0.1], [0]])  # pyright: ignore[reportAttributeAccessIssue]
    # of the turned points the third did not move: no arrow
    expected = (POINTS[:1], POINTS[1:2], POINTS[:1], POINTS[1:], MOVED[1:])
    for drawn, places in zip((held, turned, first, second, crosses), expected, strict=True):
        assert np.allclose(drawn.get_offsets(), places)
    ends = np.concatenate([POINTS, MOVED])
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    assert ([left, low] < ends.min(axis=0)).all()
    assert (ends.max(axis=0) < [right, high]).all()
    assert imread(tmp_path / "p.png").std() > 0
    classes = [f"{name} class {i}" for name in ("true", "predicted as") for i in range(2)]
    texts = [text.get_text() for text in figures[0].legends[0].texts]
    assert texts == [*classes, "decision boundary", "wrong under attack"]
