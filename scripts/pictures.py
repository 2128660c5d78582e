"""python scripts/pictures.py outputs/… [--what layers moves] [--out FOLDER]: the pictures that runs allow."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.figures.draw import KINDS, draw_pictures
from bregman_exp.analysis.frame import fitting, read_results
from bregman_exp.runs.places import runs_at
from bregman_exp.terminal import in_one_sentence, shown


def main() -> None:
    parser = ArgumentParser(description="Draws what the runs allow, each picture as SVG and PNG.")
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    parser.add_argument(
        "--what", nargs="+", default=[], metavar="KIND", help=f"only these: {', '.join(KINDS)}"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/pictures"), help="where the pictures go")
    options = parser.parse_args()
    with in_one_sentence():  # another kind, no or damaged runs, no place to write
        unknown = [name for name in options.what if name not in KINDS]
        if unknown:
            raise ValueError(f"there is no picture {', '.join(unknown)}; there are {', '.join(KINDS)}.")
        needs_runs = not options.what or any(KINDS[name].groups for name in options.what)
        frame = fitting(read_results(runs_at(options.places))).frame if needs_runs else None
        album = draw_pictures(frame, options.out, options.what)
    for picture in album.pictures:
        print(shown(f"{picture.what}: wrote {picture.png} and .svg{' and .gif' if picture.gif else ''}"))
    for name, reasons in album.missing.items():
        print(shown("\n".join(f"{name}: not drawn: {why}" for why in reasons)))
    if not album.pictures or not set(options.what) <= {picture.what for picture in album.pictures}:
        sys.exit(1)


if __name__ == "__main__":
    main()
