"""An installed wheel works: conf/ travels inside it, and the console commands are there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_trains_without_the_checkout(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    quiet = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True, env=quiet)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    for config in (ROOT / "conf").rglob("*.yaml"):
        assert (site / "bregman_exp" / "conf" / config.relative_to(ROOT / "conf")).is_file()
    assert (site / "bregman_exp" / "py.typed").is_file()
    (licence,) = site.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_text() == (ROOT / "LICENSE").read_text()
    points = (next(site.glob("*.dist-info")) / "entry_points.txt").read_text()
    assert "bregman-train = bregman_exp.cli:train" in points
    assert "bregman-evaluate = bregman_exp.cli:evaluate" in points
    code = "import bregman_exp, sys; from bregman_exp.cli import train; print(bregman_exp.__file__); train()"
    words = ["model=bregman_mlp", "trainer.max_epochs=1", "attack=none"]
    run = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(site))
    assert len(list((tmp_path / "outputs").rglob("metrics.json"))) == 1
