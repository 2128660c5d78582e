"""trainer=cpu on a machine with a GPU says nothing of it."""

from pathlib import Path

import pytest
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.trainer import Trainer

from tests.conftest import TINY


def test_the_unused_gpu_is_not_told(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: True))
    with pytest.warns(UserWarning, match="GPU available but not used"):  # so Lightning by itself
        Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    for words in (("seed=0",), ("seeds=1..2",)):
        outcome = command("train", *TINY, "attack=none", *words)
        assert outcome.code == 0, outcome.err
        assert "GPU" not in outcome.err
    assert len(list(tmp_path.rglob("metrics.json"))) == 3
