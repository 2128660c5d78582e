"""The options of the benchmark."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.arguments import count, file, image_tree, positive, some_of
from benchmarks.measure import Limits
from bregman_exp.cli.model_list import standard_models

SUBJECTS = ("step", "pipeline", "evaluation", "mlp", "lightning", "cost")
GPU, FAMILY = "gpu", "family"  # not among the default subjects
MODES = ("plain", "fast")


@dataclass(frozen=True)
class Options:
    """``limits``: of each measurement; ``batch``: images a step; ``modes``: of the networks.

    ``samples``, ``train_steps``: of the evaluation; ``seeds``: MLPs in a stack; ``lightning_steps``: of a
    ResNet in a round; ``images``: a folder {train,test}/<class>/* for the evaluation, None for synthetic
    images; ``seconds_in_all``: after them the subject gpu begins no more measurements. ``models``, ``image``,
    ``stem``: of the subject family: which standard models (() for all), pixels to a side, the ResNets' stem
    (None: by the size of images).
    """

    what: tuple[str, ...] = SUBJECTS
    json: Path = Path("outputs/bench.json")
    limits: Limits = field(default_factory=Limits)
    threads: int = 2
    batch: int = 128
    modes: tuple[str, ...] = MODES
    samples: int = 250
    train_steps: int = 60
    seeds: int = 64
    lightning_steps: int = 24
    images: str | None = None
    seconds_in_all: float = 110.0
    models: tuple[str, ...] = ()
    image: int = 32
    stem: str | None = None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; exits with a sentence where they are wrong."""
    parser = ArgumentParser(description="Measures how fast the project is, against a textbook ResNet20.")
    default = Options()
    add = parser.add_argument
    subjects = (*SUBJECTS, GPU, FAMILY)
    add("--what", type=some_of(subjects), default=SUBJECTS, help=f"of {','.join(subjects)}")
    add("--json", type=file, default=default.json, help="where the figures are written")
    add(
        "--spread", type=positive, default=default.limits.spread, help="stop when no ratio's spread is larger"
    )
    add("--rounds", type=count, default=default.limits.rounds, help="at most, in one measurement")
    add("--seconds", type=positive, default=default.limits.seconds, help="at most, in one measurement")
    add("--threads", type=count, default=default.threads, help="of torch")
    add("--batch", type=count, default=default.batch, help="images a training step")
    add("--modes", type=some_of(MODES), default=MODES, help=f"of {','.join(MODES)}")
    add("--samples", type=count, default=default.samples, help="images attacked")
    add("--train-steps", type=count, default=default.train_steps, help="before the attack")
    add("--seeds", type=count, default=default.seeds, help="MLPs in a stack")
    add("--lightning-steps", type=count, default=default.lightning_steps, help="of a ResNet in a round")
    add("--images", type=image_tree, help="folder {train,test}/<class>/*.png to attack; else synthetic")
    add("--seconds-in-all", type=positive, default=default.seconds_in_all, help="of the subject gpu")
    add(
        "--models",
        type=some_of(tuple(standard_models())),
        default=(),
        help="standard models of the subject family",
    )
    add("--image", type=count, default=default.image, help="pixels to a side, of the subject family")
    add("--stem", choices=("cifar", "imagenet"), help="of the ResNets of the subject family")
    values = vars(parser.parse_args(arguments))
    limits = Limits(*(values.pop(name) for name in ("spread", "rounds", "seconds")))
    return Options(limits=limits, **values)
