"""bregman pictures outputs/… [--what layers moves] [--output FOLDER]: draws pictures of runs."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bregman_exp.analysis.figures.draw import KINDS, draw_pictures
from bregman_exp.analysis.frame import fitting, results
from bregman_exp.cli.commands.arguments import Parser, add_places, add_plugins, load_plugins
from bregman_exp.cli.commands.report import folder_of
from bregman_exp.terminal import shown


def parser(prog: str) -> ArgumentParser:
    own = Parser(prog, description="Draws all pictures that the runs have data for, as SVG, PNG and PDF.")
    add_places(own)
    own.add_argument("--what", nargs="+", default=[], metavar="KIND", help=f"only these: {', '.join(KINDS)}")
    own.add_argument(
        "--output",
        "--out",
        type=Path,
        metavar="FOLDER",
        help="default: pictures/ in the folder of the runs if there is one, else outputs/pictures",
    )
    add_plugins(own)
    return own


def run(arguments: Namespace) -> None:
    unknown = [name for name in arguments.what if name not in KINDS]
    if unknown:
        raise ValueError(f"there is no picture {', '.join(unknown)}; there are {', '.join(KINDS)}.")
    load_plugins(arguments.plugins)
    needs_runs = not arguments.what or any(KINDS[name].groups for name in arguments.what)
    frame = fitting(results(*arguments.places)) if needs_runs else None
    output = arguments.output or folder_of(arguments.places) / "pictures"
    album = draw_pictures(frame, output, arguments.what, more=("svg", "pdf"))
    for picture in album.pictures:
        endings = [".svg", ".pdf", *([".gif"] if picture.gif else [])]
        print(shown(f"{picture.what}: wrote {picture.png} with {', '.join(endings)}"))
    for name, reasons in album.missing.items():
        print(shown("\n".join(f"{name}: not drawn: {why}" for why in reasons)))
    if not album.pictures or not set(arguments.what) <= {picture.what for picture in album.pictures}:
        sys.exit(1)
