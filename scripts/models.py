"""python scripts/models.py: every model with its parameters and multiply-adds."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("models")
