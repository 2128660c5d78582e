"""python scripts/pictures.py outputs/… [--what layers moves] [--out FOLDER]: draws pictures of runs."""

from bregman_exp.cli.main import run_command

if __name__ == "__main__":
    run_command("pictures")
