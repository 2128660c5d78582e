"""The page: whole in one file, escaped, with every run and the figures of their metrics.json."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from bregman_exp.analysis import check_docs
from bregman_exp.analysis.figures.album import Picture
from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.report import runs
from bregman_exp.analysis.report.confusion import confusion
from bregman_exp.analysis.report.page import report_page
from bregman_exp.analysis.table import Options
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import IMAGES, added, entry, expected, mlp, paper, row, run, unfinished

EVIL = "<script>alert('x')</script>&\"q\""
LOADING = {"src", "href", "srcset", "poster", "data", "action", "background"}
VOID = {"meta", "link", "img", "input", "br", "hr"}
CELLS, LINES = {"td", "th"}, {"p", "h1", "h2", "h3", "tr", "li", "div", "pre", "summary", "figcaption", "dt"}


class Page(HTMLParser):
    """Tags, addresses and ids in their order, and the body as plain text; every tag must be closed."""

    def __init__(self, html: str):
        super().__init__()
        self.html, self.text = html, ""
        self.tags: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        lines = (" ".join(line.split()) for line in self.text.split("\n"))
        self.text = "\n".join(filter(None, lines)) + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.addresses += [(tag, own[name]) for name in LOADING & set(own)]
        self.ids += [own["id"]] if "id" in own else []
        self.open += [] if tag in VOID else [tag]
        self.text += "\n" if tag in LINES else "| " * (tag in CELLS)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += "\n" if tag in LINES else " "

    def handle_data(self, data: str) -> None:
        if "body" in self.open and "script" not in self.open:
            self.text += data if "pre" in self.open else data.replace("\n", " ")


def page_of(*folders: RunFolder, attacks: tuple[str, ...] = (), **shown: Any) -> Page:
    return Page(report_page(read_results(folders), Options(attacks=attacks), **shown))


def check(name: str, status: str, ids: list[str], value: float | None = 0.5, limit: float = 0.01) -> dict:
    return {"name": name, "applies_to": ids, "status": status, "value": value, "limit": limit}


def typed(folder: RunFolder, *words: str) -> RunFolder:
    """The run as trained by these words."""
    folder.begin(folder.config.read_text(), {"overrides": [*words, f"seed={folder.read_metrics()['seed']}"]})
    return folder


@pytest.fixture
def some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Two complete runs of a row, one of them evaluated again; of another row a complete one with a failed
    check, a failed and an interrupted one."""
    monkeypatch.chdir(tmp_path)
    name = {"config": {"experiment_name": "exp"}}
    own = row(Path("exp"), [90, 92], *paper(40, 50), train={"epochs": 182, "seconds": 2010.0}, **name)
    interval = [entry(33, "pgd-l2-0.5", ci95=[0.2456312, 0.4269466])]
    added(typed(own[0], "act=gelu", "+optim.lr=0.1"), "curve-abc", 90, interval, suite="curve")
    bad = [entry(42, verdict="unreliable"), *paper(None, 52)[1:]]
    id_ = ["pgd-linf-0.0028"]
    checks = [check("order", "failed", id_), check("order", "passed", id_, 0.05, limit=0.2)]
    checks += [check("eval-mode", "passed", id_, 0.1), check("eval-mode", "skipped", id_, None)]
    place, facts = Path("exp/b"), {"model": "bregman_resnet20", "act": "tanh", "row_hash": "b"}
    data = IMAGES | {"classes": ["cat", "dog", "ox", "emu"]}  # the other row is of an older version
    other = run(place / "seed-0-x", 91, bad, checks=checks, dataset=data, **facts, **name)
    error, note = ArithmeticError("the loss is not finite"), {**facts, "seed": 1}
    failed = unfinished(place / "seed-1-x", {"experiment_name": "exp"}, error, note)
    return [*own, other, failed, unfinished(place / "seed-7-x", {"experiment_name": "exp", **mlp(10)})]


def picture(place: Path, *, moves: bool = False) -> Picture:
    png, gif = place / "p.png", place / "p.gif"
    for path in (png, gif):
        Image.new("RGB", (30, 20), "white").save(path)
    return Picture("layers", f"Layers: {EVIL}", "What is seen.", png, gif if moves else None)


def test_a_whole_page(some: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_docs, "PAGE", Path("checks.md"))
    checks = "# Title\n\n### order\nx < y *less*. **Failure:** `pgd` stood still.\n\n### other\nno\n"
    check_docs.PAGE.write_text(checks)
    missing = {"depth": ["one depth only."]}
    text = page_of(*some, missing=missing, made_by="make it").text
    assert re.sub(r"\d{4}-\d\d-\d\d.*", "DATE", text) == expected("page.txt")
    with FileLock(some[-1].lock):
        assert "▸ running" in page_of(*some).text
    some[0].metrics.write_text("{")  # a damaged run costs itself alone
    text = page_of(*some).text
    assert "exp/resnet20-gelu/seed-0-x/metrics.json is damaged" in text
    assert (text.count("✗ damaged"), text.count("| ✓ complete")) == (2, 2)
    text = page_of(*some[3:]).text
    assert "No run is complete" in text
    assert "| ✗ failed" in text


def test_nothing_is_loaded(some: list[RunFolder], tmp_path: Path) -> None:
    page = page_of(*some, pictures=[picture(tmp_path)])
    for tag, address in page.addresses:
        assert address.startswith(("data:", "#")), (tag, address)
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest", page.html)
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for _, address in page.addresses if address[0] == "#"} <= set(page.ids)


def test_of_many_runs_those_out_of_order_alone_have_details(
    some: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_DETAILED", len(some) - 1)
    page = page_of(*some)
    linked = {address[1:] for tag, address in page.addresses if tag == "a" and address.startswith("#run-")}
    assert linked == {name for name in page.ids if name.startswith("run-")}
    assert len(linked) == 3  # with a failed check, failed, interrupted
    assert re.findall('<th scope="row" title="(.*?)"', page.html) == [str(run.path) for run in some[:2]]
    assert page.text.count("Of so many runs") == 1


def test_whatever_runs_say_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "<script>e" / EVIL.replace("/", "")
    config = {"experiment_name": EVIL, "note": EVIL}
    facts = {"suite": EVIL, "act": EVIL, "environment": {"torch": EVIL, "git": EVIL, "device": EVIL}}
    attacks = [entry(40, verdict="unreliable")]
    folder = run(place / "seed-0-x", 90, attacks, config, checks=[check(EVIL, "failed", [EVIL])], **facts)
    failed = unfinished(place / "seed-1-x", config, ValueError(EVIL), {"overrides": [EVIL, "seed=1"]})
    monkeypatch.setattr(check_docs, "PAGE", tmp_path / "checks.md")
    check_docs.PAGE.write_text(f"### {EVIL}\n{EVIL} **{EVIL}**\n")
    shown: dict[str, Any] = {"pictures": [picture(tmp_path)], "missing": {EVIL: [EVIL]}}
    page = page_of(folder, failed, made_by=EVIL, **shown)
    assert page.tags.count("script") == 1  # the page's own
    assert "<script>alert" not in page.html
    assert page.text.count(EVIL) > 20


def test_runs_that_do_not_agree_are_told_and_split(tmp_path: Path) -> None:
    other = row(tmp_path / "b", [80], act="tanh", train={"epochs": 2})
    page = page_of(*row(tmp_path / "a", [90, 91]), *other)
    assert "The runs do not share one table: they differ in epochs: 182" in page.text
    assert "182 (2), 2 (1)" in page.text
    assert page.tags.count("figure") == 2
    with pytest.raises(ValueError, match="no complete run has an attack whose id starts with 'cw'"):
        page_of(*other, attacks=("cw",))


def test_pictures_are_embedded_and_a_few_move(tmp_path: Path) -> None:
    own, still = run(tmp_path / "e" / "r" / "seed-0-x", 90), picture(tmp_path)
    moving = [replace(picture(tmp_path, moves=True), what=f"layers {i}") for i in range(5)]
    page = page_of(own, pictures=[*moving, still])
    images = [address.partition(";")[0] for tag, address in page.addresses if tag == "img"]
    webp, gif = "data:image/webp", "data:image/gif"
    assert images == [webp, gif, webp, webp, gif, webp, webp, gif, webp]
    elsewhere = "python scripts/pictures.py shows it in motion too."
    assert [elsewhere in text for text in page.html.split(webp)[1:]] == [0, 1, 0, 1, 0, 0]


def commands(place: Path, *rows: tuple[str, ...]) -> list[str]:
    """Those of a page of a row for each tuple of words, with two seeds, as trained by these words."""
    config = {"experiment_name": "exp"}
    folders = [
        typed(folder, *words)
        for number, words in enumerate(rows)
        for folder in row(place / str(number), [90, 90], row_hash=str(number), config=config)
    ]
    return re.findall("python train.py .*", page_of(*folders).text)


def test_the_commands_that_repeat_a_row_are_what_was_typed(tmp_path: Path) -> None:
    shared = ("experiment=two_spiral_3", "optim.lr=1.0")
    words = [(*shared, f"model={model}", f"model.init={init}") for model in ("a", "b") for init in ("r", "d")]
    whole, *rows = commands(tmp_path / "all", *words)
    swept = "model=a,b model.init=r,d seeds=0..1"
    assert whole == f"python train.py -m experiment=two_spiral_3 optim.lr=1.0 {swept}"
    ending = "model=a model.init=r hydra.mode=RUN seeds=0..1"
    assert f"python train.py experiment=two_spiral_3 optim.lr=1.0 {ending}" in rows
    three = commands(tmp_path / "three", *words[:3])  # no product: each row, above and at its runs
    assert [line.count(" -m ") for line in three] == [0] * 6


def test_the_command_of_an_older_image_folder_names_its_defaults(tmp_path: Path) -> None:
    older = {"name": "image_folder", "n_val": 5000, "normalize": "cifar10"}
    lines = []
    for number, dataset in enumerate((older, older | {"channels": None}, {"name": "cifar10"})):
        own = run(tmp_path / str(number) / "seed-0-x", 90, config={"dataset": dataset})
        page = page_of(typed(own, "dataset=image_folder", "dataset.n_val=7"))
        lines.append(re.findall("python train.py .*", page.text)[-1])
    plain = "python train.py dataset=image_folder dataset.n_val=7 "
    assert lines == [plain + "dataset.channels=3 dataset.normalize=cifar10 seed=0", *[plain + "seed=0"] * 2]


def classified(folder: RunFolder, *pairs: tuple[int, int, int], names: list[str] | None = None) -> RunFolder:
    """The run with predictions of these (true class, predicted class, samples)."""
    label, prediction = (np.concatenate([[pair[i]] * pair[2] for pair in pairs]) for i in (0, 1))
    n, right = len(label), int((label == prediction).sum())
    data = folder.read_metrics()["dataset"] | ({"classes": names} if names else {})
    clean = {"accuracy": right / n, "correct": right, "n": n}
    content = folder.read_metrics() | {"clean": clean, "dataset": data}
    folder.finish(content, {"id": np.arange(n), "label": label, "prediction": prediction})
    return folder


def confusion_in(page: Page) -> list[str]:
    _, *tables = page.text.split("Confusion of classes, on clean test samples\n")
    return [table.partition("\nconfig.yaml")[0].splitlines() for table in tables]


def test_a_table_of_confusion_sums_the_runs_of_a_row(tmp_path: Path) -> None:
    first, second, third, gone = row(tmp_path, [90, 90, 90, 90], config={"experiment_name": "exp"})
    names = ["cat", EVIL, "ox"]
    classified(first, (0, 0, 30), (0, 1, 4), (1, 1, 50), (2, 2, 16), names=names)
    classified(second, (0, 0, 20), (1, 0, 1), (2, 1, 1_000), names=names)
    classified(third, (0, 0, 1), (2, -1, 2), names=names)
    gone.predictions.unlink()
    page = page_of(first, second, third, gone)
    (lines,) = confusion_in(page)
    title = "Samples of each true class (row) by the predicted class (column), summed over 3 runs"
    assert lines == [
        title,
        f"| true class | cat | {EVIL} | ox | no class",
        "| cat | 51 | 4 | |",
        f"| {EVIL} | 1 | 50 | |",
        "| ox | | 1000 | 16 | 2",
    ]
    assert page.html.count('<td class="passed">') == 3
    (lines,) = confusion_in(page_of(third))
    assert "summed" not in lines[0]


def test_of_many_classes_the_most_frequent_confusions_are_listed(tmp_path: Path) -> None:
    own = run(tmp_path / "e" / "r" / "seed-0-x", 90, config={"experiment_name": "exp"})
    names = [f"class {number}" for number in range(21)]
    wrong = [(number, number - 1, number) for number in range(1, 13)]
    classified(own, (12, 12, 4), (20, -1, 12), (20, 20, 36), *wrong, names=names)
    (lines,) = confusion_in(page_of(own))
    assert lines[0] == "The most frequent confusions among 21 classes"
    assert lines[2:4] == ["| class 12 | class 11 | 12 | 75.00", "| class 20 | no class | 12 | 25.00"]
    assert lines[-1] == "| class 4 | class 3 | 4 | 100.00"
    assert len(lines) == 12


def test_without_names_classes_are_numbers_and_what_is_no_class_is_left_out(tmp_path: Path) -> None:
    own = run(tmp_path / "e" / "r" / "seed-0-x", 90, config={"experiment_name": "exp"})
    (lines,) = confusion_in(page_of(classified(own, (0, 0, 3), (1, 0, 2))))
    assert lines[1:] == ["| true class | 0 | 1", "| 0 | 3 |", "| 1 | 2 |"]
    n = np.arange(5)
    for label in (n - 5, n + 10**9, n / 2, n[:3]):
        arrays = {"id": n, "label": label, "prediction": n}
        with own.predictions.open("wb") as file:
            np.savez(file, **arrays)
        assert confusion(pd.DataFrame({"run": [str(own.path)], "own": [own.read_metrics()]})) is None


def test_a_page_of_forty_rows_stays_small(tmp_path: Path) -> None:
    names = [f"a class with a long name {number}" for number in range(20)]
    pairs = [(true, predicted, 1 + true) for true in range(20) for predicted in range(20)]
    runs = [
        classified(folder, *pairs, names=names)
        for number in range(40)
        for folder in row(tmp_path / str(number), [90], *paper(40, 50), row_hash=str(number))
    ]
    assert len(page_of(*runs).html) < 600_000


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.04, "2.0 s"), (45.2, "45 s"), (180, "3 min"), (None, "not r")]
)
def test_times_are_readable(tmp_path: Path, seconds: float | None, text: str) -> None:
    folder = run(tmp_path, 90, train={"epochs": 1} | ({"seconds": seconds} if seconds else {}))
    assert f"training time\n{text}" in page_of(folder).text
