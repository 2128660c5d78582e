"""The page that ends an evaluation, as text, from records written by hand."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bregman_exp.analysis.evaluation_text import evaluation_text
from bregman_exp.terminal import as_text, print_whole

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


RECORD = {
    **{"model": "bregman_resnet20", "act": "softplus", "seed": 7, "weights": "best"},
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
}
EXPECTED = (Path(__file__).parent / "expected" / "audit.txt").read_text().rstrip("\n")


def page(**more: Any) -> str:
    return as_text(evaluation_text(RECORD | more))


def test_the_figures_and_failed_checks_and_of_an_audit_the_checks_of_each_threat() -> None:
    assert page(probes=[]) == EXPECTED
    figures, matrices = EXPECTED.split("checks, linf 0.03137")
    assert page() == figures + matrices[matrices.index("checks: 4 passed") :]


def test_where_nothing_failed_nothing_is_to_be_read() -> None:
    checks = [check("determinism", "passed", 0.0, 1e-4, PGD)]
    assert page(checks=checks).splitlines()[-1] == "checks: 1 passed"
    assert page(checks=[]).splitlines()[-1] == "checks: 0 passed"
    assert page(checks=[], robust=[]).count("│") == 8  # the clean row alone


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.replace("┃", "│").splitlines()
        if line.startswith("│")
    ]


def test_beside_a_proof_the_gap_to_it_is_shown() -> None:
    robust = [
        entry("exact-linf-0.1", "linf", 0.1, 400, "reliable"),
        entry("pgd-linf-0.1", "linf", 0.1, 417),
        entry("fgsm-linf-0.1", "linf", 0.1, None),
        entry("pgd-linf-0.2", "linf", 0.2, 300),
    ]
    shown = rows(page(robust=robust, checks=[]))
    assert [row[6] for row in shown] == ["gap to exact", "", "", "1.70", "", ""]


def test_several_checks_of_one_name_show_the_failed_one_and_every_limit() -> None:
    checks = [check("order", "failed", 0.01, 0.005, PGD, SUITE), check("order", "passed", 0.3, 0.5, PGD)]
    assert ["order", "0.005/0.5", "0.01 FAILED", "0.01 FAILED"] in rows(page(probes=[], checks=checks))


def test_entries_of_one_attack_and_threat_can_be_told_apart() -> None:
    robust = [entry(PGD, "linf", 8 / 255, 412), entry(f"{PGD}-2", "linf", 8 / 255, 409)]
    robust.append(entry("pgd-linf-2e-05", "linf", 2e-5, 500))
    text = page(robust=robust, checks=[check("order", "passed", 0.0, 0.005, PGD, f"{PGD}-2")], probes=[])
    assert [row[0] for row in rows(text) if row[1] == "linf"] == ["pgd", "pgd-2", "pgd"]
    assert ["check", "limit", "pgd", "pgd-2"] in rows(text)


def test_a_record_that_lacks_what_is_no_figure() -> None:
    bare = {"id": "pgd", "accuracy": 0.41, "verdict": "unchecked"}
    record = {key: value for key, value in RECORD.items() if key != "checks"} | {"robust": [bare]}
    assert ["pgd", "", "", "41.00", "", "10000", "unchecked"] in rows(as_text(evaluation_text(record)))


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
    assert max(len(line) for line in text.splitlines()) == len(listed)
    narrow = page(robust=[], checks=[])
    assert max(len(line) for line in narrow.splitlines()) < 90


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
    print_whole(evaluation_text(RECORD | {"robust": MANY, "probes": []}))
    assert "…" not in out.getvalue()
    for each in MANY:
        assert each["id"].partition("-linf-")[0] in out.getvalue()
