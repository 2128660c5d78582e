"""The page: whole in one file, escaped, with every run and the figures of their metrics.json."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from bregman_exp.analysis.figures.album import Picture
from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.report.formats import duration, each, ranges
from bregman_exp.analysis.report.page import Sources, report_page
from bregman_exp.analysis.table import Options
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import added, entry, mlp, paper, row, run, unfinished

EVIL = "<script>alert('x')</script>&\"q\""
LOADING = {"src", "href", "srcset", "poster", "data", "action", "background"}
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """Tags in their order, all addresses, the text below each id, the cells by row; tags must be closed."""

    def __init__(self, text: str):
        super().__init__()
        self.text = text
        self.tags: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.words: dict[str, str] = {}
        self.cells: list[list[str]] = []
        self.commands: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

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
        if [tag for tag, _ in self.open[-2:]] == ["pre", "code"] and "python " in data:
            self.commands.append(data)

    def row(self, *cells: str) -> list[str]:
        """The one row of a table that holds these cells."""
        (found,) = [shown for shown in self.cells if set(cells) <= set(shown)]
        return found


def page_of(*folders: RunFolder, sources: Sources | None = None, **asked) -> Page:
    return Page(report_page(read_results(folders), Options(**asked), sources or Sources()))


def check(name: str, status: str, ids: list[str], value: float | None = 0.5, limit: float = 0.01) -> dict:
    return {"name": name, "applies_to": ids, "status": status, "value": value, "limit": limit}


@pytest.fixture
def some(tmp_path: Path) -> list[RunFolder]:
    """Two complete runs of one row, one of another row with a failed check, one failed, one interrupted."""
    own = row(tmp_path / "exp", [90, 92], *paper(40, 50), config={"experiment_name": "exp"})
    bad = [entry(42, verdict="unreliable"), *paper(42, 52)[1:]]
    id_ = ["pgd-linf-0.0028"]
    checks = [check("order", "failed", id_), check("order", "passed", id_, 0.05, limit=0.2)]
    checks += [check("eval-mode", "passed", id_, 0.1), check("eval-mode", "skipped", id_, None)]
    place = tmp_path / "exp" / "b"
    other = run(place / "seed-0-x", 91, bad, model="bregman_resnet20", act="tanh", checks=checks)
    try:
        raise ArithmeticError("the loss is not finite")
    except ArithmeticError as error:
        failed = unfinished(place / "seed-1-x", {"experiment_name": "exp"}, error)
    return [*own, other, failed, unfinished(place / "seed-2-x", {"experiment_name": "exp"})]


def picture(place: Path, *, moves: bool = False) -> Picture:
    png, svg, gif = (place / f"p.{kind}" for kind in ("png", "svg", "gif"))
    for path in (png, gif):
        Image.new("RGB", (30, 20), "white").save(path)
    svg.write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><script>{"1;" * 2000}</script></svg>')
    return Picture("layers", f"Layers: {EVIL}", "What is seen.", png, svg, gif if moves else None)


def test_nothing_is_loaded(some: list[RunFolder], tmp_path: Path) -> None:
    page = page_of(*some, sources=Sources(pictures=[picture(tmp_path)]))
    for tag, address in page.addresses:
        assert address.startswith(("data:", "#")), (tag, address)
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest", page.text)
    assert len(page.ids) == len(set(page.ids))
    links = {address for _, address in page.addresses if address[0] == "#"}
    assert links <= {f"#{name}" for name in page.ids}


def test_states_of_runs(some: list[RunFolder]) -> None:
    with FileLock(some[-1].lock):
        assert "▸ running" in page_of(*some).words["runs"]
    page = page_of(*some)
    assert "▸ running" not in page.text
    counts = {"✓ complete": 3, "✗ failed": 1, "◦ interrupted": 1}
    assert {state: page.words["runs"].count(state) for state in counts} == counts
    assert "ArithmeticError: the loss is not finite" in page.words["details"]
    assert 'raise ArithmeticError("the loss is not finite")' in page.words["details"]
    assert '<span class="about">2 runs, 1 failed, 1 interrupted</span>' in page.text
    assert re.search(r"<strong>3</strong> complete.*<strong>1</strong> failed", page.text, re.DOTALL)
    page = page_of(*some[3:])
    assert "No run is complete" in page.words["results"]
    assert "✗ failed" in page.words["runs"]


def test_numbers_are_those_of_metrics_json(some: list[RunFolder]) -> None:
    page = page_of(*some)
    assert page.row("✓ complete", "resnet20 (gelu)", "1")[3:6] == ["92.00", "40.00", "50.00"]
    assert page.row("✓ complete", "bregman_resnet20 (tanh)")[3:6] == ["91.00", "42.00 !", "52.00"]
    assert page.row("91.00 ± 1.41")[0] == "resnet20 (gelu)"
    some[0].metrics.write_text("{")  # a damaged run costs itself alone
    page = page_of(*some)
    assert f"{some[0].metrics} is damaged" in page.words["details"]
    assert page.words["runs"].count("✓ complete") == 2
    assert "✗ damaged" in page.words["runs"]


def test_every_figure_with_interval_and_verdict(tmp_path: Path) -> None:
    robust = [entry(40, ci95=[0.3094013, 0.4979974], verdict="unreliable")]
    folder = run(tmp_path / "e" / "r" / "seed-7-x", 90, robust, seed=7)
    added(folder, "curve-abc", 90, [entry(33, "pgd-l2-0.5")], suite="curve")
    page = page_of(folder)
    line = ["pgd-linf-0.0028", "40.00", "30.94 – 49.80", "100", "UNRELIABLE"]
    assert page.row("30.94 – 49.80") == line
    assert page.row("pgd-l2-0.5", "33.00", "100")
    assert "curve, last weights" in page.words["run-1"]
    assert str(folder.path) in page.words["run-1"]
    assert page.commands == [f"python evaluate.py run={folder.path} attack=curve weights=last"]


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
    note = {"overrides": [EVIL, "seed=1"]}
    config = {"seed": 1, "experiment_name": EVIL}
    failed = unfinished(tmp_path / "<script>e" / act / "seed-1-x", config, ValueError(EVIL), note)
    checks = f"### {EVIL}\n{EVIL} **{EVIL}**\n"
    sources = Sources([picture(tmp_path)], missing={EVIL: [EVIL]}, made_by=EVIL, checks=checks)
    page = page_of(folder, failed, sources=sources)
    assert page.tags.count("script") == 1  # the page's own
    assert "<script>alert" not in page.text
    assert page.words["details"].count(EVIL) > 5


def test_runs_that_do_not_agree_are_told_and_split(tmp_path: Path) -> None:
    other = row(tmp_path / "b", [80], act="tanh", train={"epochs": 2})
    page = page_of(*row(tmp_path / "a", [90, 91]), *other)
    assert "The runs do not share one table: they differ in epochs: 182" in page.words["results"]
    assert page.tags.count("figure") == 2


def test_an_attack_that_no_run_has_is_a_mistake(some: list[RunFolder]) -> None:
    with pytest.raises(ValueError, match="no complete run has an attack whose id starts with 'cw'"):
        page_of(*some, attacks=("cw",))


def test_a_failed_check_leads_to_its_run_and_meaning(some: list[RunFolder]) -> None:
    text = "# Title\n\n### order\nx < y *less*. **Failure:** `pgd` stood still.\n\n### other\nno\n"
    page = page_of(*some, sources=Sources(checks=text))
    line = page.row("order", "pgd-linf-0.0028")
    assert line == ["order", "bregman_resnet20 (tanh), seed 0", "0.5", "0.01", "pgd-linf-0.0028"]
    assert "x < y *less*. Failure: pgd stood still." in page.words["check-order"]
    assert "2 checks passed, 1 failed, 1 skipped" in page.words["checks"]
    assert page.row("order", "1")[1:6] == ["1", "1", "0", "0.5", "0.01"]
    assert page.row("eval-mode")[1:6] == ["1", "0", "1", "0.1", "0.01"]


def test_the_smallest_form_of_a_picture_is_embedded_and_a_few_move(tmp_path: Path) -> None:
    own, still = run(tmp_path / "e" / "r" / "seed-0-x", 90), picture(tmp_path)
    moving = [replace(picture(tmp_path, moves=True), what=f"layers {i}") for i in range(5)]
    page = page_of(own, sources=Sources([*moving, still]))
    images = [address.partition(";")[0] for tag, address in page.addresses if tag == "img"]
    webp, gif = "data:image/webp", "data:image/gif"
    assert images == [webp, gif, webp, webp, gif, webp, webp, gif, webp]
    elsewhere = "scripts/pictures.py shows it in motion too."
    assert [elsewhere in text for text in page.text.split(webp)[1:]] == [0, 1, 0, 1, 0, 0]
    still.svg.write_text("<svg/>")
    page = page_of(own, sources=Sources([still]))
    assert [address for tag, address in page.addresses if tag == "img"] == [
        "data:image/svg+xml;base64,PHN2Zy8+"
    ]


def test_a_run_without_figures_belongs_to_its_row(tmp_path: Path) -> None:
    place = tmp_path / "e" / "mlp-atan-two_spiral"
    complete = run(place / "seed-0-x", 90, model="mlp", act="atan", config=mlp())
    note = {"row_hash": "mlp-atan", "model": "mlp", "act": "atan"}
    begun = unfinished(place / "seed-1-x", {"seed": 1, **mlp()}, note=note)
    deeper = unfinished(place / "seed-1-y", {"seed": 1, **mlp(depth=10)})
    page = page_of(deeper, begun, complete)
    assert page.row("mlp (atan), depth 3, random", "0", "✓ complete")
    assert page.row("mlp (atan), depth 3, random", "1", "◦ interrupted")
    assert page.row("mlp (atan), depth 10, random", "1", "◦ interrupted")


def commands(place: Path, *rows: tuple[str, ...]) -> list[str]:
    """Those of a page of a row for each tuple of words, with two seeds, as trained by these words."""
    for number, words in enumerate(rows):
        for folder in row(
            place / str(number), [90, 90], row_hash=str(number), config={"experiment_name": "exp"}
        ):
            seed = folder.read_metrics()["seed"]
            folder.begin(folder.config.read_text(), {"overrides": [*words, f"seed={seed}"]})
    return page_of(*(RunFolder(path) for path in sorted(place.rglob("seed-*")))).commands


def test_the_commands_that_repeat_a_row_are_what_was_typed(tmp_path: Path) -> None:
    shared = ("experiment=two_spiral_3", "optim.lr=1.0")
    words = [(*shared, f"model={model}", f"model.init={init}") for model in ("a", "b") for init in ("r", "d")]
    ending = "experiment=two_spiral_3 optim.lr=1.0 model=a model.init=r hydra.mode=RUN seeds=0..1"
    own = f"python train.py {ending}"
    swept = "experiment=two_spiral_3 optim.lr=1.0 model=a,b model.init=r,d seeds=0..1"
    all_four = commands(tmp_path / "all", *words)
    assert (all_four[0], len(all_four), own in all_four) == (f"python train.py -m {swept}", 5, True)
    three = commands(tmp_path / "three", *words[:3])  # no product: each row
    assert [line.count(" -m ") for line in three] == [0] * 6
    # the words of an older version's are not known
    assert page_of(run(tmp_path / "old" / "seed-0-x", 90)).commands == []


def test_small_words() -> None:
    times = ("2.0 s", "45 s", "3 min", "1 h 7 min", "—")
    assert tuple(map(duration, (2.04, 45.2, 180, 4000, None))) == times
    assert each([500, 500]) == "500"
    assert each([500, 200, 500]) == "500 (2), 200 (1)"
    assert ranges([3, 0, 1, 2, 7]) == "0–3, 7"
