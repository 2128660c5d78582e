"""python scripts/publish.py outputs/… --to folder: trained runs as networks for bx.pretrained."""

from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.formats import counted
from bregman_exp.cli.publish import publish
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import in_one_sentence


def main() -> None:
    parser = ArgumentParser(description="Writes each run with its weights, its model card and SHA-256 sums.")
    parser.add_argument("runs", nargs="+", help="run folders, or folders of runs")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--name", help="of a single run: the network's name for bx.pretrained")
    parser.add_argument("--remark", default="", help="a sentence for the model card")
    arguments = parser.parse_args()
    with in_one_sentence():
        written = publish(runs_at(arguments.runs), arguments.to, arguments.name, arguments.remark)
    print(f"wrote {counted(len(written), 'network')} and SHA256SUMS to {arguments.to}")


if __name__ == "__main__":
    main()
