"""bregman runs outputs/…: a line a run: row, seed, state, accuracies, verdict, date, folder."""

from argparse import ArgumentParser, Namespace

from bregman_exp.analysis.frame import results
from bregman_exp.analysis.listing import as_json, listed_runs, only, run_list, status_page
from bregman_exp.cli.commands.arguments import Parser, add_places
from bregman_exp.terminal import print_whole


def parser(prog: str) -> ArgumentParser:
    own = Parser(prog, description="Which runs there are: complete, running, interrupted, failed, damaged.")
    add_places(own)
    own.add_argument(
        "--where",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="only runs with this value, e.g. state=failed seed=3 act=atan optim.lr=0.1 'row=bregman*'",
    )
    own.add_argument("--rows", action="store_true", help="count the runs of each row instead")
    own.add_argument("--json", action="store_true", help="a list of runs with all that is known of them")
    return own


def run(arguments: Namespace) -> None:
    frame = results(*arguments.places)
    if arguments.rows:
        return print_whole(status_page(frame))
    runs = only(listed_runs(frame), arguments.where)
    if arguments.json:
        return print(as_json(runs))
    print_whole(run_list(runs))
