"""python scripts/bench.py [--what step,…] [--json FILE]: how fast it is, in one table and one file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the parent of benchmarks/

from benchmarks.command import bench

if __name__ == "__main__":
    bench()
