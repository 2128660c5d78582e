"""python scripts/compare.py A B: is A better than B, on clean data and under each attack that both have."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("compare")
