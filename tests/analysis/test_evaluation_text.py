"""The page that ends an evaluation, as text, from records written by hand."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bregman_exp.analysis.check_docs import advice, sections
from bregman_exp.analysis.evaluation_text import evaluation_text, verdict_line
from bregman_exp.terminal import as_text, print_whole
from tests.analysis.table_runs import expected

PGD, SUITE, L2, FMN = "pgd-linf-0.0314", "suite-linf-0.0314", "pgd-5x50-l2-0.5", "fmn-linf-0.1"


def check(name: str, status: str, value: float | None, limit: float | None, *ids: str) -> dict[str, Any]:
    return {"name": name, "applies_to": list(ids), "status": status, "value": value, "limit": limit}


def entry(
    id_: str, norm: str, eps: float, correct: int | None, verdict: str = "unchecked", n: int = 1000
) -> dict[str, Any]:
    accuracy = None if correct is None else correct / n
    figures = {"accuracy": accuracy, "correct": correct, "n": n, "verdict": verdict}
    figures |= {"ci95": None if accuracy is None else [accuracy - 0.02, accuracy + 0.03]}
    return {"id": id_, "attack": id_.partition("-")[0], "norm": norm, "eps": eps, **figures}


ROW = "bregman_resnet20 (softplus)"
RECORD = {
    **{"seed": 7, "weights": "best"},
    "dataset": {"label": "cifar10"},
    "clean": {"accuracy": 0.90824, "correct": 9082, "n": 10000, "ci95": [0.9024, 0.9137]},
    "robust": [
        entry(PGD, "linf", 8 / 255, 412, "reliable"),
        entry(SUITE, "linf", 8 / 255, 401, "unreliable"),
        entry(L2, "l2", 0.5, None, "unreliable"),
        entry(FMN, "linf", 0.1, 0, "degenerate"),
        entry(f"{FMN}-2", "linf", 0.1, 117),  # another one of this threat
        entry("exact-linf-0.1", "linf", 0.1, 100, "reliable"),  # to which the others have a gap
        entry("fgsm-linf-2e-05", "linf", 2e-5, 300),
    ],
    "checks": [
        check("determinism", "passed", 0.0, 1e-4, PGD, SUITE, L2, FMN),
        check("points-in-threat", "passed", 3e-8, 1e-6, PGD),
        check("points-in-threat", "passed", 4e-8, 1e-6, SUITE),
        check("points-in-threat", "failed", None, 1e-6, L2),  # infinite
        check("more-steps", "failed", 0.0123456, 0.005, SUITE),
        check("more-steps", "passed", 0.001, 0.005, PGD),
        check("transfer", "skipped", None, None, PGD, SUITE),
        check("order", "failed", 0.01, 0.005, f"{FMN}-2"),
        check("order", "passed", 0.3, 0.5, f"{FMN}-2"),  # larger, and yet below its limit
    ],
}
EXPECTED = expected("audit.txt").rstrip("\n")


def page(**more: Any) -> str:
    return as_text(evaluation_text(RECORD | more, ROW))


def test_the_figures_the_verdict_and_the_failed_checks_with_what_to_do() -> None:
    assert page(probes=[]) == EXPECTED
    assert page() == EXPECTED


def test_without_the_page_on_checks_a_failure_is_listed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bregman_exp.analysis.check_docs.PAGE", tmp_path / "checks.md")
    assert page() == "\n".join(line for line in EXPECTED.splitlines() if "to do: " not in line)


def test_the_verdict_line_has_the_lowest_accuracy_of_each_norm() -> None:
    linf, l2 = "fmn-linf-0.1 (degenerate)", "pgd-5x50-l2-0.5 (UNRELIABLE)"
    assert verdict_line(RECORD) == f"90.82 % clean, 0.00 % under {linf}, not reported under {l2}"
    pgd = f"41.20 % under {PGD} (reliable)"  # of the suite paper no other attack is in the table
    assert verdict_line(RECORD | {"suite": "paper"}) == f"90.82 % clean, {pgd}, not reported under {l2}"
    assert verdict_line(RECORD | {"robust": []}) == "90.82 % clean"
    noise = {"id": "noise", "accuracy": 0.41, "verdict": "unchecked"}
    assert verdict_line(RECORD | {"robust": [noise]}) == "90.82 % clean, 41.00 % under noise (unchecked)"


def test_every_check_has_one_thing_to_do() -> None:
    about = sections()
    assert len(about) > 20
    for name, section in about.items():
        assert 5 < len(advice(section)) < 160, name
    assert advice(about["more-steps"]) == "raise steps and restarts, or use a suite"
    assert advice("The share of … limit 0. **Failure:** none is known.\n") == ""


def test_where_nothing_failed_nothing_is_to_be_read() -> None:
    checks = [check("determinism", "passed", 0.0, 1e-4, PGD)]
    assert page(checks=checks).splitlines()[-1] == "checks: 1 passed"
    assert page(checks=[]).splitlines()[-1] == "checks: 0 passed"
    assert page(checks=[], robust=[]).count("│") == 8  # the clean row alone, and no gap to a proof


def test_a_record_that_lacks_what_is_no_figure() -> None:
    bare = {"id": "pgd", "accuracy": 0.41, "verdict": "unchecked"}
    record = {key: value for key, value in RECORD.items() if key != "checks"} | {"robust": [bare]}
    (line,) = [
        line for line in as_text(evaluation_text(record, ROW)).splitlines() if line.startswith("│ pgd")
    ]
    assert line.replace("│", " ").split() == ["pgd", "41.00", "10000", "unchecked"]


@pytest.mark.parametrize("label", ["images[raw]", "a[/b]c", "[1]", "[red]x[/red]", "a\\[b]", ":smile:"])
def test_names_are_shown_as_they_are(label: str) -> None:
    assert label in page(dataset={"label": label})
    assert label in as_text(evaluation_text(RECORD, label))


MANY = [
    entry(f"torchattacks-PGD-{kind}-linf-0.0{i}", "linf", i / 100, 100 * i, "unreliable")
    for i in range(1, 8)
    for kind in ("a-long-name-of-a-setting", "another-long-name")
]


@pytest.mark.parametrize("columns", ["20", "400"])
def test_nothing_is_cut_off_and_no_line_is_wider_than_it_must_be(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    checks = [check("zero-gradient-ce", "failed", 0.5, 0.01, *(each["id"] for each in MANY))]
    assert page(robust=MANY, checks=checks) + "\n" == expected("many.txt")


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_on_a_narrow_terminal_nothing_is_cut_off_either(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    for name, value in (("TERM", terminal), ("COLUMNS", "30")):
        monkeypatch.setenv(name, value)
    console = Console(file=out, force_terminal=True, color_system=None)
    monkeypatch.setattr("bregman_exp.terminal.Console", lambda **_: console)
    print_whole(evaluation_text(RECORD | {"robust": MANY, "probes": []}, ROW))
    assert "…" not in out.getvalue()
    assert all(each["id"].partition("-linf-")[0] in out.getvalue() for each in MANY)
