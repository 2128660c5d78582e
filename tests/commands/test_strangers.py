"""A run folder that somebody else made: one sentence about it, at once, and the other runs go on."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
SECONDS = 2.0  # of this process: whatever else the machine does


def with_config(**keys: object) -> Callable[[Path], None]:
    """Changes groups of the config: model={"depth": 3}."""

    def change(run: Path) -> None:
        file = run / "config.yaml"
        config = yaml.safe_load(file.read_text())
        for group, values in keys.items():
            config[group] = config[group] | values if isinstance(values, dict) else values
        file.write_text(yaml.safe_dump(config))

    return change


def replaced(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda run: (run / name).write_bytes(content) and None


def pipe(name: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return change


SPOILED = {
    "aliases": replaced("config.yaml", BOMB.encode()),
    "brackets": replaced("config.yaml", b"a: " + b"[" * 3000 + b"]" * 3000),
    "brackets in JSON": replaced("metrics.json", b"[" * 100_000 + b"]" * 100_000),
    "a pipe for the config": pipe("config.yaml"),
    "a pipe for the figures": pipe("metrics.json"),
    "no UTF-8 in the config": replaced("config.yaml", b"seed: 0\nact: \xff\n"),
    "no UTF-8 in the figures": replaced("metrics.json", b'{"schema": "\xff"}'),
    "a huge config": replaced("config.yaml", b"#" * 10_000_000),
    "an environment variable": with_config(output_dir="${oc.env:HOME}"),
    "another type": replaced("config.yaml", b"- 1\n- 2\n"),
    "empty": replaced("config.yaml", b""),
}


@pytest.fixture
def spoiled(trained: Path) -> Path:
    """A copy of a whole run beside it."""
    copy = trained.parents[1] / "strange-model-data" / trained.name
    return Path(shutil.copytree(trained, copy))


def in_time(called: Callable[[], object]) -> object:
    begin = time.process_time()
    outcome = called()
    assert time.process_time() - begin < SECONDS
    return outcome


@pytest.mark.parametrize("spoil", SPOILED)
def test_it_is_told_in_one_sentence(
    command, script, trained: Path, spoiled: Path, spoil: str, tmp_path: Path
) -> None:
    script("status", "outputs")  # imports take longer than a second
    SPOILED[spoil](spoiled)
    done = in_time(lambda: script("status", "outputs"))
    assert done.code == 0, done.err
    assert "damaged" in done.out
    about = [line for line in done.out.splitlines() if str(spoiled.relative_to(tmp_path)) in line]
    assert len(about) == 1
    done = in_time(lambda: script("report", "outputs", "--no-pictures", "--output", "page.html"))
    assert done.code == 0, done.err
    assert spoiled.name in (tmp_path / "page.html").read_text()
    done = in_time(lambda: command("evaluate", f"run={spoiled}", "attack=none"))
    assert done.code == 1
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1, done.err
    assert os.environ["HOME"] not in done.err.replace(str(tmp_path), "")


HUGE = {
    "width": with_config(model={"width": 60_000}),
    "widths": with_config(model={"widths": [2] * 20_000}),
    "depth": with_config(model={"depth": 1_000_000_000}),
    "points": with_config(dataset={"n_train": 2_000_000_000}),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_network_or_data_larger_than_the_memory_are_refused(command, trained: Path, what: str) -> None:
    HUGE[what](trained)
    done = in_time(lambda: command("evaluate", f"run={trained}", "attack=curve"))
    assert done.code == 1
    assert done.err.startswith("Error: "), done.err
    assert done.err.count("\n") == 1


def test_control_characters_are_shown_not_sent(script, command, trained: Path, spoiled: Path) -> None:
    content = json.loads((spoiled / "metrics.json").read_text())
    content["dataset"]["label"] = "two\x1b]0;title\x07-spiral"
    (spoiled / "failure.json").write_text(json.dumps({"error": "bad\x1b[31m"}))
    with_config(dataset={"label": "x\x1b[2J"})(trained)
    (spoiled / "metrics.json").unlink()
    for name, words in (("status", ()), ("table", ("--split",)), ("table", ("--format", "cells", "--split"))):
        done = script(name, "outputs", *words)
        assert "\x1b" not in done.out + done.err
    assert "bad\\x1b[31m" in script("status", "outputs").out
    done = command("evaluate", f"run={trained}", "attack=none", "weights='\\x1b[31m'")
    assert "\x1b" not in done.err


def test_a_folder_with_control_characters_in_its_name(script, trained: Path) -> None:
    trained.parent.rename(trained.parent.with_name("model\x1b[31m-act-data"))
    (next(Path("outputs").rglob("metrics.json"))).write_text("damaged")
    for name in ("status", "table"):
        done = script(name, "outputs")
        assert "\x1b" not in done.out + done.err
        assert "\\x1b[31m" in done.out + done.err
