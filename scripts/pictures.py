"""python scripts/pictures.py outputs/… [--what layers moves] [--out FOLDER]: the pictures that runs allow."""

import sys
from argparse import ArgumentParser
from glob import glob
from pathlib import Path

from bregman_exp.cli.pictures import KINDS, check_kinds, draw_pictures, told
from bregman_exp.results import find_runs


def main() -> None:
    parser = ArgumentParser(description="Draws what the runs allow, each picture as SVG and PNG.")
    parser.add_argument("places", nargs="*", default=["outputs"], help="folders or 'globs' that hold runs")
    parser.add_argument(
        "--what", nargs="+", default=[], metavar="KIND", help=f"only these: {', '.join(KINDS)}"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/pictures"), help="where the pictures go")
    words = parser.parse_args()
    places = [
        place for word in words.places for place in ([word] if Path(word).is_dir() else sorted(glob(word)))
    ]
    runs = find_runs(*map(Path, places))
    try:
        check_kinds(words.what)
        if not runs and words.what != ["legendre"]:
            sys.exit(f"there are no runs in {', '.join(words.places)}; give folders that hold runs.")
        album = draw_pictures(runs, words.out, words.what)
    except (ValueError, OSError) as error:  # another kind, damaged runs, no place to write
        sys.exit(str(error))
    print("\n".join(told(album)))
    if not album.pictures or any(not album.drawn(kind) for kind in words.what):
        sys.exit(1)


if __name__ == "__main__":
    main()
