"""python scripts/report.py outputs/… [--output FILE]: one page of tables, pictures, checks and runs."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("report")
