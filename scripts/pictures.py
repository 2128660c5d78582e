"""python scripts/pictures.py outputs/… [--what layers moves] [--out FOLDER]: draws pictures of runs."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.figures.draw import KINDS, draw_pictures
from bregman_exp.analysis.frame import fitting, read_results
from bregman_exp.runs.run_folder import runs_at
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
        unknown = [name for name in arguments.what if name not in KINDS]
        if unknown:
            raise ValueError(f"there is no picture {', '.join(unknown)}; there are {', '.join(KINDS)}.")
        needs_runs = not arguments.what or any(KINDS[name].groups for name in arguments.what)
        frame = fitting(read_results(runs_at(arguments.places))).frame if needs_runs else None
        album = draw_pictures(frame, arguments.out, arguments.what)
    for picture in album.pictures:
        print(shown(f"{picture.what}: wrote {picture.png} and .svg{' and .gif' if picture.gif else ''}"))
    for name, reasons in album.missing.items():
        print(shown("\n".join(f"{name}: not drawn: {why}" for why in reasons)))
    if not album.pictures or not set(arguments.what) <= {picture.what for picture in album.pictures}:
        sys.exit(1)


if __name__ == "__main__":
    main()
