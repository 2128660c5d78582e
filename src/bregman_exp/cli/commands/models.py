"""bregman models: every model of conf/, with its parameters and multiply-adds."""

from argparse import ArgumentParser, Namespace

from bregman_exp.cli.commands.arguments import Parser


def parser(prog: str) -> ArgumentParser:
    own = Parser(prog, description="The models that train.py has, with parameters and multiply-adds.")
    own.add_argument("--image", type=int, default=32, metavar="PIXELS", help="height and width (default 32)")
    own.add_argument("--classes", type=int, default=10, help="(default 10)")
    return own


def run(arguments: Namespace) -> None:
    from bregman_exp.cli.model_list import model_list  # loads torch
    from bregman_exp.terminal import print_whole

    print_whole(model_list(arguments.image, arguments.classes))
