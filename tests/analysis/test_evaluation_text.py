"""The page that ends an evaluation, as text, from records written by hand."""

import io
from typing import Any

import pytest
from rich.console import Console

from bregman_exp.analysis.evaluation_text import evaluation_text
from bregman_exp.terminal import as_text, print_whole


def check(name: str, status: str, value: float | None, limit: float | None, *ids: str) -> dict[str, Any]:
    return {"name": name, "applies_to": list(ids), "status": status, "value": value, "limit": limit}


def entry(
    id_: str, norm: str, eps: float, correct: int | None, verdict: str = "unchecked", n: int = 1000
) -> dict[str, Any]:
    accuracy = None if correct is None else correct / n
    ci95 = None if accuracy is None else [accuracy - 0.02, accuracy + 0.03]
    return {
        "id": id_,
        "attack": id_.partition("-")[0],
        "norm": norm,
        "eps": eps,
        "accuracy": accuracy,
        "correct": correct,
        "n": n,
        "ci95": ci95,
        "verdict": verdict,
    }


PGD, SUITE, L2, FMN = "pgd-linf-0.0314", "suite-linf-0.0314", "pgd-5x50-l2-0.5", "fmn-linf-0.1"


def record(**more: Any) -> dict[str, Any]:
    return {
        "model": "bregman_resnet20",
        "act": "softplus",
        "seed": 7,
        "weights": "best",
        "dataset": {"label": "cifar10"},
        "clean": {"accuracy": 0.90824, "correct": 9082, "n": 10000, "ci95": [0.9024, 0.9137]},
        "robust": [
            entry(PGD, "linf", 8 / 255, 412, "reliable"),
            entry(SUITE, "linf", 8 / 255, 401, "unreliable"),
            entry(L2, "l2", 0.5, None, "unreliable"),
            entry(FMN, "linf", 0.1, 0, "degenerate"),
        ],
        "checks": [
            check("determinism", "passed", 0.0, 1e-4, PGD, SUITE, L2, FMN),
            check("points-in-threat", "passed", 3e-8, 1e-6, PGD),
            check("points-in-threat", "passed", 4e-8, 1e-6, SUITE),
            check("points-in-threat", "failed", None, 1e-6, L2),  # infinite
            check("more-steps", "failed", 0.0123456, 0.005, SUITE),
            check("more-steps", "passed", 0.001, 0.005, PGD),
            check("transfer", "skipped", None, None, PGD, SUITE),
        ],
        **more,
    }


def page(**more: Any) -> str:
    return as_text(evaluation_text(record(**more)))


def cells(text: str, first: str) -> list[str]:
    """The cells of the row that begins with this."""
    rows = [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in text.splitlines()
    ]
    (row,) = [row for row in rows if row[0] == first and len(row) > 1]
    return row


def test_what_was_evaluated_and_its_accuracies() -> None:
    text = page()
    assert text.splitlines()[0].strip() == "bregman_resnet20 (softplus), seed 7, best weights: cifar10"
    assert cells(text, "attack") == [
        *("attack", "norm", "eps", "accuracy %", "95 % interval", "samples", "verdict"),
    ]
    assert cells(text, "clean") == ["clean", "", "", "90.82", "90.24 – 91.37", "10000", ""]
    assert cells(text, "pgd") == ["pgd", "linf", "0.03137", "41.20", "39.20 – 44.20", "1000", "reliable"]
    assert cells(text, "fmn") == ["fmn", "linf", "0.1", "0.00", "-2.00 – 3.00", "1000", "degenerate"]


def test_unreliable_is_shouted_and_a_number_that_is_none_is_not_reported() -> None:
    text = page()
    assert cells(text, "suite")[-1] == "UNRELIABLE"
    assert cells(text, "pgd-5x50") == ["pgd-5x50", "l2", "0.5", "not reported", "", "1000", "UNRELIABLE"]
    assert "unreliable" not in text


def test_failed_checks_are_listed_with_value_and_limit() -> None:
    lines = page().splitlines()
    assert "checks: 4 passed, 2 failed, 1 skipped" in lines
    told = lines[lines.index("checks: 4 passed, 2 failed, 1 skipped") + 1 :]
    assert [line.strip() for line in told] == [
        f"points-in-threat — > 1e-06: {L2}",
        f"more-steps 0.0123 > 0.005: {SUITE}",
        "docs/checks.md says what each failure means and what to do.",
    ]


def test_where_nothing_failed_nothing_is_to_be_read() -> None:
    checks = [check("determinism", "passed", 0.0, 1e-4, PGD)]
    assert page(checks=checks).splitlines()[-1] == "checks: 1 passed"
    assert page(checks=[]).splitlines()[-1] == "checks: 0 passed"
    assert page(checks=[], robust=[]).count("│") == 8  # the clean row alone


def test_beside_a_proof_the_gap_to_it_is_shown() -> None:
    robust = [
        entry("exact-linf-0.1", "linf", 0.1, 400, "reliable"),
        entry("pgd-linf-0.1", "linf", 0.1, 417),
        entry("fgsm-linf-0.1", "linf", 0.1, None),
        entry("pgd-linf-0.2", "linf", 0.2, 300),
    ]
    lines = page(robust=robust, checks=[]).splitlines()
    gaps = [[cell.strip() for cell in line.split("│")][7] for line in lines if line.startswith("│")]
    assert gaps == ["", "", "1.70", "", ""]
    assert "gap to exact" not in page()


def test_without_an_audit_there_is_no_matrix() -> None:
    assert "checks, linf" not in page()
    assert "transfer" not in page()


def test_an_audit_shows_the_checks_of_each_threat() -> None:
    text = page(probes=[])
    titles = [line.strip() for line in text.splitlines() if line.startswith("checks, ")]
    assert titles == ["checks, linf 0.03137", "checks, l2 0.5", "checks, linf 0.1"]
    of_linf = text.split("checks, linf 0.03137")[1].split("checks, l2")[0]
    assert cells(of_linf, "check") == ["check", "limit", "pgd", "suite"]
    assert cells(of_linf, "determinism") == ["determinism", "0.0001", "0", "0"]
    assert cells(of_linf, "points-in-threat") == ["points-in-threat", "1e-06", "3e-08", "4e-08"]
    assert cells(of_linf, "more-steps") == ["more-steps", "0.005", "0.001", "0.0123 FAILED"]
    assert cells(of_linf, "transfer") == ["transfer", "—", "skipped", "skipped"]
    of_l2 = text.split("checks, l2 0.5")[1].split("checks, linf 0.1")[0]
    assert cells(of_l2, "check") == ["check", "limit", "pgd-5x50"]
    assert cells(of_l2, "points-in-threat") == ["points-in-threat", "1e-06", "— FAILED"]
    assert "more-steps" not in of_l2


def test_several_checks_of_one_name_show_the_failed_one_and_every_limit() -> None:
    checks = [
        check("order", "failed", 0.01, 0.005, PGD, SUITE),
        check("order", "passed", 0.3, 0.5, PGD),
    ]
    text = page(probes=[], checks=checks)
    assert cells(text, "order") == ["order", "0.005/0.5", "0.01 FAILED", "0.01 FAILED"]


def test_entries_of_one_attack_and_threat_can_be_told_apart() -> None:
    robust = [entry(PGD, "linf", 8 / 255, 412), entry(f"{PGD}-2", "linf", 8 / 255, 409)]
    text = page(robust=robust, checks=[check("order", "passed", 0.0, 0.005, PGD, f"{PGD}-2")], probes=[])
    names = [line.strip("│ ").split("│")[0].strip() for line in text.splitlines() if "│ linf" in line]
    assert len(set(names)) == 2
    heads = cells(text, "check")[2:]
    assert len(set(heads)) == 2


@pytest.mark.parametrize("label", ["images[raw]", "a[/b]c", "[1]", "[red]x[/red]", "a\\[b]", ":smile:"])
def test_names_are_shown_as_they_are(label: str) -> None:
    assert label in page(dataset={"label": label})
    assert label in page(model=label)


MANY = [
    entry(f"torchattacks-PGD-{kind}-linf-0.0{i}", "linf", i / 100, 100 * i, "unreliable")
    for i in range(1, 8)
    for kind in ("a-long-name-of-a-setting", "another-long-name")
]


@pytest.mark.parametrize("columns", ["20", "80", "400"])
def test_nothing_is_cut_off_and_no_line_is_wider_than_it_must_be(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    everything = tuple(each["id"] for each in MANY)
    checks = [check("zero-gradient-ce", "failed", 0.5, 0.01, *everything)]
    text = page(robust=MANY, checks=checks, probes=[])
    assert "…" not in text
    for each in MANY:
        assert f"{100 * each['accuracy']:.2f}" in text
        assert f"{each['eps']:.4g}" in text
    assert text.count("UNRELIABLE") == len(MANY)
    (listed,) = [line for line in text.splitlines() if "0.5 > 0.01" in line]
    assert all(id_ in listed for id_ in everything)
    assert max(len(line) for line in text.splitlines()) == len(listed.rstrip())
    for table in text.split("\n\n"):
        widths = {len(line.rstrip()) for line in table.splitlines() if line[:1] in "┏┡│└"}
        assert len(widths) <= 8
    narrow = page(robust=[], checks=[])
    assert max(len(line.rstrip()) for line in narrow.splitlines()) < 90


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_on_a_narrow_terminal_nothing_is_cut_off_either(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(
        "bregman_exp.terminal.Console",
        lambda **_: Console(file=out, force_terminal=True, color_system=None),
    )
    print_whole(evaluation_text(record(robust=MANY, probes=[])))
    assert "…" not in out.getvalue()
    for each in MANY:
        assert each["id"].partition("-linf-")[0] in out.getvalue()


def test_it_is_plain_text() -> None:
    assert "\x1b" not in page()
    assert not page().endswith("\n")
