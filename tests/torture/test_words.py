"""Strange words given to train.py: an exit code and a sentence, never a traceback or a long wait.

Nothing is trained: what is tried ends with the checks before. Long lists are left out: Hydra's parser takes
a millisecond for each of their elements.
"""

import gc
import random
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.torture.trial import ended, trials

pytestmark = pytest.mark.torture

LINES, PARTS = 3_000, 4
CODES = (0, 1, 2)  # 2 is argparse's
BASE = (
    "model=bregman_mlp",
    "trainer.max_epochs=2",
    "dataset.n_train=64",
    "dataset.n_val=32",
    "dataset.n_test=40",
)
WORDS = (
    *("act=tanh", "act=softplus", "act.beta=10", "optim=adam", "optim.lr=0.1", "optim.schedule=cosine"),
    *("attack=paper", "attack=none", "attack=curve", "attack.samples=10", "attack.batch_size=20"),
    "attack.attacks=[{attack: pgd, norm: linf, eps: 0.05, steps: 3}]",
    "attack.attacks=[{attack: fgm, norm: l2, eps: 0.1}, {attack: fgsm, norm: linf, eps: 0.1}]",
    *("model=mlp", "model.depth=3", "model.widths=[2,3]", "model.clamp=null", "model.init=random"),
    *("dataset=two_spiral", "dataset.noise=1.0", "dataset.eps.linf=[0.1,0.2]", "dataset.seed=0"),
    *("dataset.label=spiral", "eval.weights=best", "experiment_name=x", "output_dir=here", "logger=csv"),
    *("trainer.batch_size=8", "trainer.patience=2", "trainer.precision=32-true", "trainer.accelerator=cpu"),
    *(
        "trainer.max_time=1h",
        "trainer.fast=eager",
        "trainer.devices=1",
        "trainer=cpu",
        "seed=3",
        "seeds=0..2",
    ),
    *("scale=small", "-m", "--cfg=job", "--help"),  # an experiment is a sweep of many jobs
    *(
        "hydra.verbose=true",
        "hydra.sweep.dir=here",
        "hydra.job.name=x",
        "logger.project=p",
        "optim.weight_decay=0",
    ),
)
VALUES = (
    *(
        "",
        "null",
        "nan",
        "inf",
        "-inf",
        "true",
        "0",
        "-1",
        "1e999",
        "9" * 30,
        "-0.0",
        "0x10",
        "1_000",
        "~",
        "???",
    ),
    *(
        "[]",
        "{}",
        "[[1]]",
        "[{a: 1}]",
        "{a: {b: [1, null]}}",
        "[" * 40 + "]" * 40,
        "[1,",
        "{a",
        "}",
        "[null,nan]",
    ),
    *(
        "'x'",
        '"x"',
        "'",
        '"',
        "\\'",
        "a b",
        "a,b",
        "1,2",
        "Bär",
        "λ",
        "日本",
        "\u202e",
        "\x1b[31m",
        "=",
        "a=b",
        "~/x",
    ),
    *(
        "${act.name}",
        "${oc.env:HOME}",
        "${nothing}",
        "${",
        "$HOME",
        "%",
        "!!python/object:os.system",
        "&a",
        "*a",
    ),
    *(
        "../x",
        "/",
        "/dev/null",
        ".",
        "a/b",
        "a:b",
        "@",
        "#",
        ";",
        "|",
        "2024-01-01",
        "12:30:45",
        "on",
        "1..2",
        "..",
    ),
    *("range(3)", "choice(1,2)", "glob(*)", "int(a)", "shuffle([1,2])", "x" * 5000, "[" + "1," * 300 + "1]"),
)
KEYS = (
    *(
        "model",
        "act",
        "optim",
        "training",
        "trainer",
        "dataset",
        "attack",
        "eval",
        "logger",
        "row",
        "scale",
        "scaled",
        "hydra",
    ),
    *(
        "model.width",
        "model.widths",
        "model._target_",
        "act._target_",
        "dataset._target_",
        "act.name",
        "act.beta",
    ),
    *(
        "dataset.eps",
        "dataset.eps.l2",
        "attack.attacks",
        "attack.name",
        "attack.source",
        "attack.save",
        "seed",
    ),
    *("seeds", "output_dir", "experiment_name", "optim.milestones", "optim.optimizer", "trainer.max_time"),
    *(
        "trainer.strategy",
        "trainer.compile",
        "hydra.run.dir",
        "hydra/launcher",
        "hydra.mode",
        "model@act",
        "a.b.c",
    ),
    *(
        "ключ",
        "optim.lr.x",
        "model.0",
        "",
        ".",
        "..",
        "model.",
        "/act",
        "optim@",
        "dataset.label",
        "attack.audit",
    ),
)
SIGNS = ("+", "++", "~", "-", "=", "@", "")
LETTERS = "=~+-[]{}(),.:'\"\\$ *&!%@#/\t\nä\x00\x1b0e_"


def strange_line(draw: random.Random) -> list[str]:
    words = [*BASE, *draw.sample(WORDS, draw.randrange(4))]
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        which = draw.randrange(len(words) + 1)
        if which == len(words):
            words.append(f"{draw.choice(KEYS)}={draw.choice(VALUES)}")
        else:
            words[which] = strange(words[which], draw)
    return [word.replace("\x00", "?") for word in words]  # no command line has it


def strange(word: str, draw: random.Random) -> str:
    key, _, value = word.partition("=")
    place = draw.randrange(len(word) + 1)
    return draw.choice(
        (
            f"{key}={draw.choice(VALUES)}",
            f"{key}={draw.choice(VALUES)}",
            f"{key}={draw.choice(VALUES)}",
            f"{draw.choice(KEYS)}={value}",
            f"{draw.choice(KEYS)}={draw.choice(VALUES)}",
            f"{draw.choice(SIGNS)}{word}",
            f"{draw.choice(SIGNS)}{draw.choice(KEYS)}={draw.choice(VALUES)}",
            word[:place] + draw.choice(LETTERS) + word[place:],
            word[:place] + word[place + 1 :],
            word[:place],
            word.swapcase(),
            f"{word}{value}",
            f"{key}=[{value}]",
            f"{key}={{a: {value}}}",
            f"{key}='{value}'",
            f"{key}={value},{value}",
            key,
        )
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_words(
    command: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: int,
    endings: Counter[str],
) -> None:
    train_job = import_module("bregman_exp.cli.train_job")  # its name in the package is the function's
    monkeypatch.setattr(train_job, "train_stack", lambda *_: ([], []))
    monkeypatch.setattr(train_job, "train_run", lambda *_: True)
    draw, wrong = random.Random(part), []
    gc.freeze()  # or each collection looks through all that torch has imported
    for _ in range(trials(LINES // PARTS)):
        words = strange_line(draw)
        done = ended(lambda words=words: command("train", *words))
        way = done if isinstance(done, str) else f"exit code {done.code}"
        right = not isinstance(done, str) and done.code in CODES and (done.code == 0 or bool(done.err))
        endings[way if right else "WRONG"] += 1
        wrong += [(words, way)] * (not right)
    assert not wrong, "\n".join(map(str, wrong))
