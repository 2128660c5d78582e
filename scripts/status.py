"""python scripts/status.py outputs/…: which runs are complete, running, interrupted, failed."""

from argparse import ArgumentParser

from bregman_exp.results import in_one_sentence, print_whole
from bregman_exp.results.places import runs_at
from bregman_exp.results.report import reported_runs, status_page
from bregman_exp.results.soundness import ConfigFault, made_when_asked


def main() -> None:
    parser = ArgumentParser(
        description="How many runs are complete, running, interrupted, failed, row by row."
    )
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    words = parser.parse_args()
    with in_one_sentence():
        runs = reported_runs(runs_at(words.places), config_fault=made_when_asked(config_faults))
        print_whole(status_page(runs))


def config_faults() -> ConfigFault:
    from bregman_exp.cli.sound import ConfigFaults  # takes seconds, and few runs need it

    return ConfigFaults()


if __name__ == "__main__":
    main()
