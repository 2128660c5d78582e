"""The frame: a line for each figure, in fixed columns, and what a damaged or unfinished run is there."""

from pathlib import Path

import pandas as pd
import pytest

import bregman_exp as bx
from bregman_exp.analysis.frame import COLUMNS, SCHEMA, fitting, read_results, write_parquet
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import added, entry, row, run, unfinished


def test_a_line_for_each_figure_in_fixed_columns(tmp_path: Path) -> None:
    runs = row(tmp_path, [80, 90], entry(40))
    added(runs[0], "suite-1", 80, [entry(30, "suite-linf-0.1")], suite="suite")
    frame = bx.results(tmp_path)
    assert list(frame.columns) == list(COLUMNS)
    assert frame.attrs["schema"] == SCHEMA
    assert {str(frame[name].dtype) for name, dtype in COLUMNS.items() if dtype == "str"} == {"object"}
    dtypes = [str(frame[name].dtype) for name in ("seed", "accuracy", "config")]
    assert dtypes == ["Int64", "Float64", "category"]
    assert frame[["seed", "evaluation", "id", "accuracy"]].values.tolist() == [
        [0, "", "clean", 0.8],
        [0, "", "pgd-linf-0.0028", 0.4],
        [0, "suite-1", "clean", 0.8],
        [0, "suite-1", "suite-linf-0.1", 0.3],
        [1, "", "clean", 0.9],
        [1, "", "pgd-linf-0.0028", 0.4],
    ]
    assert set(frame["state"]) == {"complete"}
    assert bx.results(tmp_path).equals(frame)  # still a function after its part is imported


def test_the_keys_in_which_rows_differ_are_columns(tmp_path: Path) -> None:
    for lr in (0.1, None):
        run(tmp_path / str(lr), 80, config={"optim": {"lr": lr, "momentum": 0.9}}, row_hash=str(lr))
    frame = bx.results(tmp_path)
    assert list(frame.columns)[len(COLUMNS) :] == ["optim.lr"]
    assert list(frame["optim.lr"]) == ["0.1", "null"]


def test_a_damaged_run_is_a_sentence_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    good, bad = row(tmp_path, [80, 90])
    bad.metrics.write_text("{")
    frame = read_results([good, bad, RunFolder(tmp_path / "." / good.path.relative_to(tmp_path))]).frame
    assert list(frame["state"]) == ["complete", "damaged"]
    assert list(fitting(frame)["run"]) == [str(good.path)]
    assert capsys.readouterr().err == f"left out: {frame['error'].iloc[1]}\n"
    with pytest.raises(ValueError, match="no run is left"):
        fitting(read_results([bad]).frame)


@pytest.mark.parametrize("text", ["[]", "{", '{"row_hash": 1}', '{"overrides": [1]}', '{"seed": true}'])
def test_a_damaged_note_is_told(tmp_path: Path, text: str) -> None:
    folder = unfinished(tmp_path / "seed-0-x", {}, note={"row_hash": "a"})
    assert folder.read_note() == {"row_hash": "a"}
    folder.note.write_text(text)
    (line,) = bx.results(tmp_path).to_dict("records")
    assert (line["state"], str(folder.note) in line["error"]) == ("damaged", True)


def test_an_unfinished_run_is_of_the_row_that_it_noted_or_of_an_equal_config(tmp_path: Path) -> None:
    model = {"model": {"name": "resnet20"}}
    run(tmp_path / "a", 80, config=model)
    note = {"row_hash": "resnet20-gelu", "model": "resnet20", "act": "gelu"}
    for seed, (config, noted) in enumerate((({}, note), ({}, None), (model, None)), start=1):
        unfinished(
            tmp_path / "b" / f"seed-{seed}-x", {"seed": seed, **config, "optim": {"lr": 1}}, note=noted
        )
    unfinished(tmp_path / "seed-4-x", {"seed": 4, **model})
    frame = bx.results(tmp_path)
    rows = {0: "resnet20-gelu", 1: "resnet20-gelu", 2: "", 3: "", 4: "resnet20-gelu"}
    assert dict(zip(frame["seed"], frame["row"], strict=True)) == rows


def test_parquet_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_pyarrow(*_: object, **__: object) -> None:
        raise ImportError

    monkeypatch.setattr(pd.DataFrame, "to_parquet", without_pyarrow)
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError, match=r"pip install 'bregman-exp\[parquet\]', or use csv"):
        write_parquet(frame, tmp_path / "f.parquet")
    with pytest.raises(ValueError, match="say where it goes"):
        write_parquet(frame, None)
    assert not list(tmp_path.iterdir())
