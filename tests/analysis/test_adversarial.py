"""Pictures of adversarial examples: what stands in them, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bregman_exp.analysis.figures.adversarial import adversarial_images, adversarial_points


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


def images(n: int = 4, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    clean = np.full((n, channels, 4, 6), 0.5, np.float32)
    adversarial = clean.copy()
    adversarial[:, :, 0, 0] += 0.1
    adversarial[-1, :, 1, 1] -= 0.05
    return clean, adversarial


def titles(figure: Figure, row: int) -> list[str]:
    panels = figure.axes
    columns = len(panels) // 3
    return [panel.get_title() for panel in panels[row * columns : (row + 1) * columns]]


LABELS = np.array([0, 1, 2, 0])
BEFORE = np.array([1, 1, 2, 0])  # the first is wrong before
AFTER = np.array([1, 1, 0, 2])  # the second resists, the last two are turned
NAMES = ("cat", "dog", "bird")


def test_turned_samples_first_then_resisting_then_wrong_before(tmp_path: Path, figures: list[Figure]) -> None:
    adversarial_images(tmp_path / "p.png", *images(), LABELS, BEFORE, AFTER, NAMES, "a title")
    (figure,) = figures
    assert titles(figure, 0) == ["✓ bird", "✓ cat", "✓ dog", "✗ dog\n(is cat)"]
    assert titles(figure, 2) == ["✗ cat", "✗ bird", "✓ dog", "✗ dog"]
    assert figure.get_suptitle() == "a title"


def test_no_more_than_asked_for(tmp_path: Path, figures: list[Figure]) -> None:
    adversarial_images(tmp_path / "p.png", *images(), LABELS, BEFORE, AFTER, most=2)
    assert titles(figures[0], 0) == ["✓ 2", "✓ 0"]


def test_the_perturbation_is_magnified_about_grey_by_the_factor_told(
    tmp_path: Path, figures: list[Figure]
) -> None:
    adversarial_images(tmp_path / "p.png", *images(), LABELS, BEFORE, AFTER)
    panels = figures[0].axes
    assert panels[4].get_ylabel() == "perturbation\n× 5\nlargest 0.1"
    shown = np.asarray(panels[5].images[0].get_array())  # the last sample stands second
    assert shown[0, 0] == pytest.approx(1, abs=1e-6)
    assert shown[1, 1] == pytest.approx(0.25, abs=1e-6)
    assert shown[2, 2] == pytest.approx(0.5)


def test_grey_images_and_no_perturbation(tmp_path: Path, figures: list[Figure]) -> None:
    clean, _ = images(channels=1)
    adversarial_images(tmp_path / "deep" / "p.png", clean, clean, LABELS, BEFORE, AFTER)
    assert figures[0].axes[4].get_ylabel() == "perturbation\nnone"
    assert imread(tmp_path / "deep" / "p.png").std() > 0


def test_no_finite_answer_is_no_class(tmp_path: Path, figures: list[Figure]) -> None:
    after = np.array([1, 1, -1, 2])
    adversarial_images(tmp_path / "p.png", *images(), LABELS, BEFORE, after, NAMES)
    assert titles(figures[0], 2)[0] == "✗ no class"


def test_no_words_overlap(tmp_path: Path, figures: list[Figure]) -> None:
    names = ("Staffordshire bullterrier, Staffordshire bull terrier", "hippopotamus amphibius", "ox")
    title = "a title much longer than the picture is wide " * 3
    adversarial_images(tmp_path / "p.png", *images(), LABELS, BEFORE, AFTER, names, title)
    (figure,) = figures
    figure.draw_without_rendering()  # boxes in the figure's own dots, not in the file's
    words = [panel.title for panel in figure.axes if panel.get_title()]
    words += [panel.yaxis.label for panel in figure.axes if panel.get_ylabel()]
    words += figure.texts
    boxes = [text.get_window_extent() for text in words]
    boxes += [panel.get_window_extent().padded(-1) for panel in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1) for box in boxes)
    assert all(figure.bbox.containsy(box.y0) and figure.bbox.containsy(box.y1) for box in boxes)


def test_images_that_are_none_are_refused(tmp_path: Path) -> None:
    clean, adversarial = images()

    def draw(c: np.ndarray, a: np.ndarray, labels: np.ndarray = LABELS, **more: object) -> None:
        adversarial_images(tmp_path / "p.png", c, a, labels, BEFORE, AFTER, **more)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=r"images of shape \(4, 3, 4\)"):
        draw(clean[..., 0], adversarial[..., 0])
    with pytest.raises(ValueError, match="give equal shapes"):
        draw(clean, adversarial[:2])
    with pytest.raises(ValueError, match=r"adversarial is float32 in \[0.5, 1.5\]"):
        draw(clean, clean + np.float32(1) * (np.arange(4) == 3).reshape(4, 1, 1, 1))
    with pytest.raises(ValueError, match=r"clean is uint8 in \[0, 0\]; give floats"):
        draw(clean.astype(np.uint8), adversarial)
    with pytest.raises(ValueError, match=r"must have shape \(4,\)"):
        draw(clean, adversarial, LABELS[:2])
    with pytest.raises(ValueError, match="class 2 has no name; 2 names are given"):
        draw(clean, adversarial, class_names=NAMES[:2])
    with pytest.raises(ValueError, match="most=0"):
        draw(clean, adversarial, most=0)


POINTS = np.array([[0.2, 0.3], [0.8, 0.7], [0.5, 0.5]])
MOVED = POINTS + np.array([[0.1, 0.0], [0.0, -0.1], [0.0, 0.0]])


def test_points_have_arrows_and_the_wrong_ones_crosses(tmp_path: Path, figures: list[Figure]) -> None:
    right = np.array([True, False, False])
    adversarial_points(tmp_path / "p.png", POINTS, MOVED, np.array([0, 1, 1]), right, "a title")
    (panel,) = figures[0].axes
    held, turned, first, second, crosses = panel.collections
    assert np.allclose(held.get_offsets(), POINTS[:1])
    assert np.allclose((held.U, held.V), [[0.1], [0]])  # pyright: ignore[reportAttributeAccessIssue]
    assert np.allclose(turned.get_offsets(), POINTS[1:2])  # the third did not move: no arrow
    assert np.allclose(first.get_offsets(), POINTS[:1])
    assert np.allclose(second.get_offsets(), POINTS[1:])
    assert np.allclose(crosses.get_offsets(), MOVED[1:])
    assert imread(tmp_path / "p.png").std() > 0


def test_all_points_lie_in_the_picture(tmp_path: Path, figures: list[Figure]) -> None:
    adversarial_points(tmp_path / "p.png", POINTS, MOVED, np.array([0, 1, 1]), np.ones(3, bool))
    (panel,) = figures[0].axes
    for place in (0, 1):
        low, high = (panel.get_xlim(), panel.get_ylim())[place]
        assert low < min(POINTS[:, place].min(), MOVED[:, place].min())
        assert high > max(POINTS[:, place].max(), MOVED[:, place].max())


def test_points_that_are_none_are_refused(tmp_path: Path) -> None:
    labels, right = np.array([0, 1, 1]), np.ones(3, bool)
    for changed, message in (
        ((POINTS[:, :1], MOVED[:, :1], labels, right), r"points of shape \(3, 1\)"),
        ((POINTS, MOVED[:2], labels, right), "give equal shapes"),
        ((POINTS, MOVED + 1, labels, right), "give floats in"),
        ((POINTS, MOVED, labels + 1, right), "labels must be 0 or 1"),
        ((POINTS, MOVED, labels, labels), "right is int64 of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            adversarial_points(tmp_path / "p.png", *changed)


def test_a_dollar_in_the_name_of_a_class_is_no_mathematics(tmp_path: Path, figures: list[Figure]) -> None:
    names = ("$\\undefined$", "a $5 note", "100 $ and $")
    adversarial_images(tmp_path / "a.png", *images(), LABELS, BEFORE, AFTER, names, title="$x_{$")
    assert (tmp_path / "a.png").is_file()
    assert any("$\\undefined$" in title for title in titles(figures[0], 0))
