"""python scripts/weights.py outputs/… --to folder: each run's weights as a file, and SHA256SUMS."""

from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.cli.export import export_weights
from bregman_exp.runs.run_folder import runs_at


def main() -> None:
    parser = ArgumentParser(description="Writes the weights of each run as a state dict.")
    parser.add_argument("runs", nargs="+", help="run folders, or folders of runs")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write to")
    arguments = parser.parse_args()
    try:
        written = export_weights(runs_at(arguments.runs), arguments.to)
    except (ValueError, OSError) as error:
        raise SystemExit(f"Error: {error}") from None
    print(f"wrote {len(written)} files and SHA256SUMS to {arguments.to}")


if __name__ == "__main__":
    main()
