"""python scripts/runs.py outputs/…: a line a run, with its accuracies and state."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("runs")
