"""The page: whole in one file, escaped, with every run and the figures of their metrics.json."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import yaml
from filelock import FileLock
from PIL import Image

from bregman_exp.analysis.figures.album import Picture
from bregman_exp.analysis.formats import duration, each, ranges
from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.report.checks import meanings, summaries
from bregman_exp.analysis.report.commands import evaluating_commands, row_command, training_commands
from bregman_exp.analysis.report.embedded import embedded
from bregman_exp.analysis.report.page import Sources, report_page
from bregman_exp.analysis.report.runs import reported_runs
from bregman_exp.analysis.table import Options
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import entry, mlp, paper, row, run

EVIL = "<script>alert('x')</script>&\"q\""
LOADING = {"src", "href", "srcset", "poster", "data", "action", "background"}
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """Tags in their order, all addresses, the text by the nearest id, and what was opened and not closed."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.words: dict[str, str] = {}
        self.cells: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.addresses += [(tag, own[name]) for name in LOADING & set(own)]
        self.ids += [own["id"]] if "id" in own else []
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append((tag, own.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, name in self.open:
            if name:
                self.words[name] = self.words.get(name, "") + data
        if any(tag in ("td", "th") for tag, _ in self.open):
            self.cells[-1][-1] += data


def page_of(*folders: RunFolder, sources: Sources | None = None, **asked) -> tuple[str, Page]:
    text = report_page(read_results(folders), Options(**asked), sources or Sources())
    return text, Page(text)


def row_of(page: Page, *cells: str) -> list[str]:
    """The one row of a table that holds these cells."""
    (found,) = [shown for shown in page.cells if set(cells) <= set(shown)]
    return found


def check(name: str, status: str, ids: list[str], value: float | None = 0.5) -> dict:
    return {"name": name, "applies_to": ids, "status": status, "value": value, "limit": 0.01}


@pytest.fixture
def some(tmp_path: Path) -> list[RunFolder]:
    """Two complete runs of one row, one of another row with a failed check, one failed, one interrupted."""
    own = row(tmp_path / "exp", [90, 92], robust=paper(40, 50), config={"experiment_name": "exp"})
    bad = [entry(42, verdict="unreliable"), *paper(42, 52)[1:]]
    checks = [
        check("order", "failed", ["pgd-linf-0.0028"]),
        check("eval-mode", "passed", ["pgd-linf-0.0028"]),
    ]
    other = run(
        tmp_path / "exp" / "b" / "seed-0-x", 91, bad, model="bregman_resnet20", act="tanh", checks=checks
    )
    failed = RunFolder(tmp_path / "exp" / "b" / "seed-1-x")
    failed.begin(yaml.safe_dump({"seed": 1, "experiment_name": "exp"}))
    try:
        raise ArithmeticError("the loss is not finite")
    except ArithmeticError as error:
        failed.fail(error)
    stopped = RunFolder(tmp_path / "exp" / "b" / "seed-2-x")
    stopped.begin(yaml.safe_dump({"seed": 2, "experiment_name": "exp"}))
    return [*own, other, failed, stopped]


def picture(place: Path, *, moves: bool = False) -> Picture:
    png, svg, gif = (place / f"p.{kind}" for kind in ("png", "svg", "gif"))
    for path in (png, gif):
        Image.new("RGB", (30, 20), "white").save(path)
    svg.write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><script>{"1;" * 2000}</script></svg>')
    return Picture("layers", f"Layers: {EVIL}", "What is seen.", png, svg, gif if moves else None)


def test_nothing_is_loaded(some: list[RunFolder], tmp_path: Path) -> None:
    text, page = page_of(*some, sources=Sources(pictures=[picture(tmp_path)]))
    for tag, address in page.addresses:
        assert address.startswith(("data:", "#")), (tag, address)
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest", text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {address for _, address in page.addresses if address[0] == "#"} <= {
        f"#{name}" for name in page.ids
    }


def test_states_of_runs(some: list[RunFolder]) -> None:
    with FileLock(some[-1].lock):
        _, page = page_of(*some)
        assert "▸ running" in page.words["runs"]
    text, page = page_of(*some)
    assert "▸ running" not in text
    assert page.words["runs"].count("✓ complete") == 3
    assert page.words["runs"].count("✗ failed") == 1
    assert page.words["runs"].count("◦ interrupted") == 1
    assert "ArithmeticError: the loss is not finite" in page.words["details"]
    assert 'raise ArithmeticError("the loss is not finite")' in page.words["details"]
    assert '<span class="about">2 runs, 1 failed, 1 interrupted</span>' in text
    assert re.search(r"<strong>3</strong> complete.*<strong>1</strong> failed", text, re.DOTALL)


def test_numbers_are_those_of_metrics_json(some: list[RunFolder]) -> None:
    _, page = page_of(*some)
    listed = row_of(page, "✓ complete", "resnet20 (relu)", "1")
    assert listed[3:6] == ["92.00", "40.00", "50.00"]
    assert row_of(page, "✓ complete", "bregman_resnet20 (tanh)")[3:6] == ["91.00", "42.00 !", "52.00"]
    line = row_of(page, "91.00 ± 1.41")
    assert line[0] == "resnet20 (relu)"


def test_every_figure_with_interval_and_verdict(tmp_path: Path) -> None:
    robust = [entry(40, ci95=[0.3094013, 0.4979974], verdict="unreliable")]
    folder = run(tmp_path / "e" / "r" / "seed-7-x", 90, robust, seed=7)
    added = json.loads(folder.metrics.read_text()) | {"suite": "curve", "robust": [entry(33, "pgd-l2-0.5")]}
    later = folder.evaluation("curve-abc").metrics
    later.parent.mkdir(parents=True)
    later.write_text(json.dumps(added))
    _, page = page_of(folder)
    assert row_of(page, "30.94 – 49.80") == ["pgd-linf-0.0028", "40.00", "30.94 – 49.80", "100", "UNRELIABLE"]
    assert row_of(page, "pgd-l2-0.5", "33.00", "100")
    assert "curve, last weights" in page.words["run-1"]
    assert str(folder.path) in page.words["run-1"]


def test_whatever_runs_say_is_escaped(tmp_path: Path) -> None:
    act = EVIL.replace("/", "")  # it stands in a path
    folder = run(
        tmp_path / "<script>e" / act / "seed-0-x",
        90,
        [entry(40, verdict="unreliable")],
        suite=EVIL,
        config={"experiment_name": EVIL, "note": EVIL},
        act=EVIL,
        checks=[check(EVIL, "failed", [EVIL])],
        environment={"torch": EVIL, "git": EVIL, "device": EVIL},
    )
    failed = RunFolder(tmp_path / "<script>e" / act / "seed-1-x")
    failed.begin(yaml.safe_dump({"seed": 1, "experiment_name": EVIL}), {"overrides": [EVIL, "seed=1"]})
    failed.fail(ValueError(EVIL))
    sources = Sources(
        pictures=[picture(tmp_path)],
        missing={EVIL: [EVIL]},
        made_by=EVIL,
        checks=f"### {EVIL}\n{EVIL} **{EVIL}**\n",
    )
    text, page = page_of(folder, failed, sources=sources)
    assert page.tags.count("script") == 1  # the page's own
    assert "<script>alert" not in text
    assert page.words["details"].count(EVIL) > 5


def test_runs_that_do_not_agree_are_told_and_split(tmp_path: Path) -> None:
    _, page = page_of(
        *row(tmp_path / "a", [90, 91]), *row(tmp_path / "b", [80], act="tanh", train={"epochs": 2})
    )
    assert "The runs do not share one table: they differ in epochs: 182" in page.words["results"]
    assert page.tags.count("figure") == 2


def test_no_run_is_complete(some: list[RunFolder]) -> None:
    _, page = page_of(*some[3:])
    assert "No run is complete" in page.words["results"]
    assert "✗ failed" in page.words["runs"]


def test_a_damaged_run_costs_itself_alone(some: list[RunFolder]) -> None:
    some[0].metrics.write_text("{")
    _, page = page_of(*some)
    assert f"{some[0].metrics} is damaged" in page.words["details"]
    assert page.words["runs"].count("✓ complete") == 2
    assert "✗ damaged" in page.words["runs"]


def test_an_attack_that_no_run_has_is_a_mistake(some: list[RunFolder]) -> None:
    with pytest.raises(ValueError, match="no complete run has an attack whose id starts with 'cw'"):
        page_of(*some, attacks=("cw",))


def test_a_failed_check_leads_to_its_run_and_meaning(some: list[RunFolder]) -> None:
    text = "# Title\n\n### order\nPGD finds *less*. **Failure:** `pgd` stood still.\n\n### other\nno\n"
    _, page = page_of(*some, sources=Sources(checks=text))
    told = row_of(page, "order", "pgd-linf-0.0028")
    assert told == ["order", "bregman_resnet20 (tanh), seed 0", "0.5", "0.01", "pgd-linf-0.0028"]
    assert "Failure: pgd stood still." in page.words["check-order"]
    assert "1 check passed, 1 failed, 0 skipped" in page.words["checks"]
    assert row_of(page, "eval-mode")[1:4] == ["1", "0", "0"]


def test_the_smallest_form_of_a_picture_is_embedded(tmp_path: Path) -> None:
    run_ = run(tmp_path / "e" / "r" / "seed-0-x", 90)
    drawn = picture(tmp_path)
    _, page = page_of(run_, sources=Sources(pictures=[drawn]))
    (image,) = [address for tag, address in page.addresses if tag == "img"]
    assert image.startswith("data:image/webp;base64,")
    drawn.svg.write_text("<svg/>")
    _, page = page_of(run_, sources=Sources(pictures=[drawn]))
    assert [address for tag, address in page.addresses if tag == "img"] == [
        "data:image/svg+xml;base64,PHN2Zy8+"
    ]


def test_a_few_pictures_move_and_the_others_say_where_they_do(tmp_path: Path) -> None:
    pictures = [replace(picture(tmp_path, moves=True), what=f"layers {i}") for i in range(5)]
    shown = embedded([*pictures, picture(tmp_path)])
    assert [one["animation"].startswith("data:image/gif") for one in shown] == [1, 0, 1, 0, 1, 0]
    assert ["in motion" in one["caption"] for one in shown] == [0, 1, 0, 1, 0, 0]


def test_a_run_without_figures_belongs_to_its_row(tmp_path: Path) -> None:
    place = tmp_path / "e" / "mlp-atan-two_spiral"
    complete = run(place / "seed-0-x", 90, model="mlp", act="atan", config=mlp())
    begun = RunFolder(place / "seed-1-x")
    begun.begin(yaml.safe_dump({"seed": 1, **mlp()}), {"row_hash": "mlp-atan", "model": "mlp", "act": "atan"})
    deeper = RunFolder(place / "seed-1-y")
    deeper.begin(yaml.safe_dump({"seed": 1, **mlp(depth=10)}))
    runs = reported_runs(read_results([deeper, begun, complete]))
    assert list(runs[["name", "seed"]].itertuples(index=False, name=None)) == [
        ("mlp (atan), depth 3, random", 0),
        ("mlp (atan), depth 3, random", 1),
        ("mlp (atan), depth 10, random", 1),
    ]


def with_words(place: Path, *rows: tuple[str, ...]) -> pd.DataFrame:
    """A row for each tuple of words, with two seeds, as trained by these words."""
    for number, words in enumerate(rows):
        for seed in (0, 1):
            folder = RunFolder(place / str(number) / f"seed-{seed}-x")
            run(folder.path, 90, row_hash=str(number), seed=seed, config={"experiment_name": "exp"})
            text = (folder.path / "config.yaml").read_text()
            folder.begin(text, {"overrides": [*words, f"seed={seed}"]})
    folders = [RunFolder(path) for path in sorted(place.rglob("seed-*"))]
    return reported_runs(read_results(folders))


def test_the_commands_that_repeat_a_row_are_what_was_typed(tmp_path: Path) -> None:
    shared = ("experiment=two_spiral_3", "optim.lr=1.0")
    words = [(*shared, f"model={model}", f"model.init={init}") for model in ("a", "b") for init in ("r", "d")]
    runs = with_words(tmp_path / "all", *words)
    (whole,) = training_commands(runs)
    swept = "model=a,b model.init=r,d seeds=0..1"
    assert whole.line == f"python train.py -m experiment=two_spiral_3 optim.lr=1.0 {swept}"
    (own,) = row_command(runs[:2], "This row:")
    ending = "model=a model.init=r hydra.mode=RUN seeds=0..1"
    assert own.line == f"python train.py experiment=two_spiral_3 optim.lr=1.0 {ending}"
    three = training_commands(with_words(tmp_path / "three", *words[:3]))  # no product: each row
    assert [command.line.count("-m") for command in three] == [0, 0, 0]
    old = run(tmp_path / "old" / "seed-0-x", 90)  # its words are not known
    assert training_commands(reported_runs(read_results([old]))) == []
    assert evaluating_commands(reported_runs(read_results([old]))) == []


def test_small_words() -> None:
    assert [duration(seconds) for seconds in (2.04, 45.2, 180, 4000, None)] == [
        *("2.0 s", "45 s", "3 min", "1 h 7 min", "—")
    ]
    assert each([500, 500]) == "500"
    assert each([500, 200, 500]) == "500 (2), 200 (1)"
    assert ranges([3, 0, 1, 2, 7]) == "0–3, 7"
    (summary,) = summaries([check("a", "passed", [], 0.1), check("a", "skipped", [], None)])
    assert (summary["status"], summary["worst"], summary["counts"]["skipped"]) == ("passed", 0.1, 1)
    strict, lax = (check("a", "failed", [], 0.1), {**check("a", "passed", [], 0.05), "limit": 0.2})
    (summary,) = summaries([strict, lax])
    assert (summary["worst"], summary["limit"]) == (0.1, 0.01)
    assert meanings("### a\nx < y\n## b\n", ["a", "c"]) == {"a": "<p>x &lt; y</p>"}
