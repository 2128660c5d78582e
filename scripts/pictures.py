"""python scripts/pictures.py outputs/… [--what layers moves] [--out FOLDER]: draws pictures of runs."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.figures.kinds import KINDS, check_kinds, draw_pictures, told
from bregman_exp.analysis.frame import fitting, read_results
from bregman_exp.runs.places import runs_at
from bregman_exp.terminal import in_one_sentence, shown


def main() -> None:
    parser = ArgumentParser(
        description="Draws all pictures that the runs have data for, each as SVG and PNG."
    )
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    parser.add_argument(
        "--what", nargs="+", default=[], metavar="KIND", help=f"only these: {', '.join(KINDS)}"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/pictures"), help="where the pictures go")
    arguments = parser.parse_args()
    with in_one_sentence():  # unknown kind, no or damaged runs, folder that cannot be written
        check_kinds(arguments.what)
        frame = None
        if arguments.what != ["legendre"]:  # the maps need no run
            frame = fitting(read_results(runs_at(arguments.places))).frame
        album = draw_pictures(frame, arguments.out, arguments.what)
    print(shown("\n".join(told(album))))
    if not album.pictures or any(not album.drawn(kind) for kind in arguments.what):
        sys.exit(1)


if __name__ == "__main__":
    main()
