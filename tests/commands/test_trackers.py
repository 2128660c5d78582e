"""W&B, TensorBoard and MLflow: what they get of a run, and how it ends there. Without any network."""

import json
import re
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from bregman_exp.config import Run, check, conf_dir
from tests.conftest import TINY, interrupt_in_epoch

wandb = pytest.importorskip("wandb")
STEPS = 4  # an epoch of TINY
PGD = "attack.attacks=[{attack: pgd, norm: linf, eps: [0.01, 0.05], steps: 3}]"


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    """No key, no mode, and a W&B that has read neither."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    wandb.teardown()
    yield
    wandb.teardown()


# ---- a .wandb file: a log of protobuf records in blocks of 32 KiB ------------------------------------------

BLOCK, FILE_HEADER, HEADER = 32_768, 7, 7
WHOLE, FIRST, LAST = 1, 2, 4  # kinds of fragments


def records(path: Path) -> Generator[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, record = path.read_bytes(), FILE_HEADER, b""
    while at < len(content):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        fragment = content[at + HEADER : at + HEADER + size]
        at += HEADER + size
        record = fragment if kind in (WHOLE, FIRST) else record + fragment
        if kind in (WHOLE, LAST):
            parsed = Record()
            parsed.ParseFromString(record)
            yield parsed


WRITTEN_SECONDS = 15


def items(updates: Any) -> dict[str, Any]:
    """Of a config, a summary or a line of the history: the values by key."""
    return {u.key or ".".join(u.nested_key): json.loads(u.value_json) for u in updates}


class Part:
    """What a .wandb file says."""

    def __init__(self, path: Path):
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.exit_code: int | None = None
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.run, self.config = record.run, items(record.run.config.update)
            elif kind == "history":
                self.history.append(items(record.history.item))
            elif kind == "summary":
                self.summary |= items(record.summary.update)
            elif kind == "exit":
                self.exit_code = record.exit.exit_code


def parts(folder: Path) -> list[Part]:
    """The parts of a run; W&B's service may write their last records some time after ``finish``."""
    end = time.monotonic() + WRITTEN_SECONDS
    while True:
        written = [Part(path) for path in sorted(folder.rglob("*.wandb"))]
        if time.monotonic() > end or all(part.exit_code is not None for part in written):
            return written
        time.sleep(0.2)


def run_folders(tmp_path: Path) -> list[Path]:
    return sorted(path.parent for path in tmp_path.rglob("config.yaml") if "wandb" not in path.parts)


# ---- W&B ---------------------------------------------------------------------------------------------------


def test_a_sweep_with_a_failed_and_a_resumed_job(command, tmp_path: Path, monkeypatch) -> None:
    words = ("-m", *TINY, "act=identity", "optim.lr=0.01,1e30", "trainer.max_epochs=3", "logger=wandb", PGD)
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch)
        assert command("train", *words).code == 130
    outcome = command("train", *words)
    assert outcome.code == 1
    folders = {OmegaConf.load(each / "config.yaml").optim.lr: each for each in run_folders(tmp_path)}
    assert len(folders) == 2

    first, second = parts(folders[0.01])
    assert first.run.run_id == second.run.run_id
    assert (first.exit_code, second.exit_code) == (1, 0)
    assert (first.summary["status"], second.summary["status"]) == ("interrupted", "complete")
    lines = [*first.history, *second.history]
    assert [line["_step"] for line in lines] == [STEPS - 1, 2 * STEPS - 1, 3 * STEPS - 1]
    assert all({"train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr"} <= set(x) for x in lines)
    metrics = json.loads((folders[0.01] / "metrics.json").read_text())
    assert second.summary["clean"] == metrics["clean"]["accuracy"]
    for entry in metrics["robust"]:
        assert second.summary[f"robust/{entry['id']}"] == entry["accuracy"]
        assert second.summary[f"verdict/{entry['id']}"] == entry["verdict"]
    assert len(metrics["robust"]) == 2

    (failed,) = parts(folders[1e30])
    assert (failed.exit_code, failed.summary["status"]) == (1, "failed")
    assert "clean" not in failed.summary
    for part, lr in ((first, 0.01), (second, 0.01), (failed, 1e30)):
        assert part.run.run_group == "bregman_mlp (identity)"
        assert {"bregman_mlp", "identity", "two_spiral", "depth 3"} <= set(part.run.tags)
        stored = OmegaConf.to_container(OmegaConf.load(folders[lr] / "config.yaml"))
        assert isinstance(stored, dict)
        for group in ("model", "act", "optim", "attack", "logger"):
            assert part.config[group] == stored[group]
        assert part.config["config_hash"] in folders[lr].name


def test_one_line_says_where_the_offline_run_is(command, tmp_path: Path) -> None:
    outcome = command("train", *TINY, "logger=wandb", "logger.tags=[mine]", "attack=none")
    (line,) = [line for line in outcome.err.splitlines() if "offline" in line]
    assert (run := re.search(r"in (\S+); to upload it: wandb sync (\S+)", line))
    assert list((tmp_path / run[1]).glob("*.wandb"))
    assert (tmp_path / run[1]) in tmp_path.glob(run[2])
    (part,) = parts(tmp_path)
    assert "mine" in part.run.tags


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_mode_of_the_environment_is_obeyed(command, tmp_path: Path, monkeypatch, mode: str) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)  # which would be online
    outcome = command("train", *TINY, "logger=wandb", "attack=none")
    assert outcome.code == 0, outcome.err
    assert len(parts(tmp_path)) == (mode == "offline")
    assert ("wandb sync" in outcome.err) == (mode == "offline")


def test_online_without_a_key(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    outcome = command("train", *TINY, "logger=wandb", "attack=none")
    assert outcome.code == 0, outcome.err
    assert "this run is offline (there is no API key) in" in outcome.err
    assert [part.exit_code for part in parts(tmp_path)] == [0]


@pytest.mark.parametrize("mode", ["sometimes", ""])
def test_a_mode_that_does_not_exist(command, monkeypatch, mode: str) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    outcome = command("train", *TINY, "logger=wandb", "attack=none")
    assert outcome.code == 1
    assert f"WANDB_MODE={mode}: use one of online, offline" in outcome.err


@pytest.mark.parametrize(("server", "mode"), [("refuses", "online"), ("is silent", "")])
def test_a_key_without_a_server(command, tmp_path: Path, monkeypatch, server: str, mode: str) -> None:
    import bregman_exp.build.wandb_tracker as wandb_tracker

    answers, seconds = wandb_tracker._answers, []

    def timed(server: str) -> bool:
        start = time.monotonic()
        result = answers(server)
        seconds.append(time.monotonic() - start)
        return result

    monkeypatch.setattr(wandb_tracker, "_answers", timed)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if server == "is silent":
            listener.listen()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("WANDB_BASE_URL", address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        if mode:
            monkeypatch.setenv("WANDB_MODE", mode)
        outcome = command("train", *TINY, "logger=wandb", "attack=none")
    assert outcome.code == 0, outcome.err
    assert f"this run is offline ({address} does not answer) in" in outcome.err
    assert len(seconds) == 1
    assert seconds[0] < wandb_tracker.PROBE_SECONDS + 1  # W&B itself takes longer on a busy machine
    (part,) = parts(tmp_path)
    assert part.exit_code == 0


def test_a_server_that_is_none_of_wandb(command, tmp_path: Path, monkeypatch) -> None:
    """It answers each request, but with nothing that W&B can use."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        outcome = command("train", *TINY, "logger=wandb", "attack=none")
        server.shutdown()
    assert outcome.code == 0, outcome.err
    assert "this run is offline (" in outcome.err
    (part,) = [Part(path) for path in tmp_path.rglob("offline-run-*/*.wandb")]
    assert (part.exit_code, len(part.history)) == (0, 2)


def test_a_captured_network_is_tracked_in_two_parts(command, image_tree: Path, tmp_path: Path) -> None:
    words = ("model=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4")
    words = (*words, "trainer.batch_size=10", "trainer.max_epochs=2", "trainer.fast=captured", "attack=none")
    outcome = command("train", *words, "logger=wandb")
    assert outcome.code == 0, outcome.err
    training, evaluation = parts(tmp_path)
    assert training.run.run_id == evaluation.run.run_id
    assert [training.summary["status"], evaluation.summary["status"]] == ["trained", "complete"]
    assert [line["epoch"] for line in training.history] == [0, 1]
    assert evaluation.summary["clean"] >= 0
    assert (training.exit_code, evaluation.exit_code) == (0, 0)


# ---- several, and the others -------------------------------------------------------------------------------


def test_wandb_and_tensorboard_at_once_with_pictures(command, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    outcome = command("train", *TINY, "logger=[wandb,tensorboard]", "logger.pictures=true", PGD)
    assert outcome.code == 0, outcome.err
    (folder,) = run_folders(tmp_path)
    assert (folder / "metrics.csv").is_file()
    (part,) = parts(folder)
    pictures = {key.split("-")[0] for key in items_of(part.history[-1])}
    assert {"pictures/robust", "pictures/curves", "pictures/boundary"} <= pictures
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [3, 7]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert events.Scalars("clean")[0].value == pytest.approx(metrics["clean"]["accuracy"])
    assert events.Scalars("robust/pgd-linf-0.05")
    assert any(tag.startswith("pictures/robust") for tag in events.Tags()["images"])
    hparams = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    for text in (b"optim.lr", b"bregman_mlp (atan)", b"verdict/pgd-linf-0.05", b"complete"):
        assert text in hparams


def items_of(line: dict[str, Any]) -> set[str]:
    return {key.partition(".")[0] for key in line if key.startswith("pictures/")}


def test_tensorboard_of_a_failed_run(command, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = ("act=identity", "optim.lr=1e30", "logger=tensorboard", "attack=none")
    assert command("train", *TINY, *words).code == 1
    events = EventAccumulator(str(next(tmp_path.rglob("tensorboard"))))
    events.Reload()
    (status,) = events.Tensors("status/text_summary")
    assert status.tensor_proto.string_val == [b"failed"]


@pytest.mark.parametrize("choice", ["none", "csv"])
def test_no_tracker(command, tmp_path: Path, choice: str) -> None:
    assert command("train", *TINY, f"logger={choice}", "attack=none").code == 0
    (folder,) = run_folders(tmp_path)
    assert (folder / "metrics.csv").is_file()
    assert not (folder / "wandb").exists()
    assert not (folder / "tensorboard").exists()


def test_mlflow_is_asked_for_by_name_where_it_is_missing(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    outcome = command("train", *TINY, "logger=[csv,mlflow]", "attack=none")
    assert outcome.code == 1
    assert (
        "logger=mlflow needs the package mlflow, which is not installed; pip install mlflow." in outcome.err
    )
    assert not list(tmp_path.rglob("config.yaml"))


# ---- the config --------------------------------------------------------------------------------------------


def composed(*words: str) -> Run:
    GlobalHydra.instance().clear()
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = OmegaConf.to_container(compose("train", ["model=bregman_mlp", *words]), resolve=True)
    assert isinstance(plain, dict)
    return check({str(k): v for k, v in plain.items() if k != "seeds"} | {"seed": 0})


@pytest.mark.parametrize(
    ("choice", "trackers"),
    [
        ("csv", []),
        ("none", []),
        ("wandb", ["wandb"]),
        ("[wandb,tensorboard]", ["wandb", "tensorboard"]),
        ("[csv,mlflow]", ["mlflow"]),
    ],
)
def test_choices(choice: str, trackers: list[str]) -> None:
    run = composed(f"logger={choice}", "logger.project=mine")
    assert (run.logger.trackers, run.logger.project) == (trackers, "mine")
    stored = OmegaConf.to_container(OmegaConf.create(run.to_yaml()))
    assert isinstance(stored, dict)
    assert check({str(key): value for key, value in stored.items()}) == run


@pytest.mark.parametrize(("name", "trackers"), [("csv", []), ("wandb", ["wandb"])])
def test_a_config_of_before_there_could_be_several_is_read(name: str, trackers: list[str]) -> None:
    stored = OmegaConf.to_container(OmegaConf.create(composed().to_yaml()))
    assert isinstance(stored, dict)
    old = check({**stored, "logger": {"name": name, "project": "theirs"}})
    assert (old.logger.trackers, old.logger.project) == (trackers, "theirs")
