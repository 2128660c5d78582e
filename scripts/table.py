"""python scripts/table.py outputs/… [--attack pgd] [--format latex] [--output FILE]: the results table."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("table")
