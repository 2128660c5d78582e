"""python scripts/status.py outputs/…: of each row, how many runs are complete, running, …."""

import sys

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    sys.argv.insert(1, "--rows")
    run_command("runs")
