"""A mistake is one sentence: the value, what is allowed, what to do; nothing is written."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from PIL import Image
from torchvision.datasets import CIFAR10

from bregman_exp.cli.command import COMPOSITION_ERRORS
from bregman_exp.config import check, conf_dir

MLP = ("model=bregman_mlp",)
IMAGES = ("model=resnet20", "dataset=image_folder", "dataset.root=images", "dataset.n_val=4")

WORDS = [
    (
        ("model=resnet21",),
        ["model=resnet21: there is no such model; did you mean resnet", "bregman_resnet20"],
    ),
    ((*MLP, "act=swish"), ["act=swish: there is no such act; there are asinh, atan"]),
    ((*MLP, "dataset=stl10"), ["dataset=stl10: there is no such dataset", "two_spiral"]),
    ((*MLP, "recipe=mnist_sgd"), ["recipe=mnist_sgd: recipe follows from dataset and optim"]),
    ((*MLP, "attack=pgd9"), ["attack=pgd9", "did you mean pgd?", "paper"]),
    (("row=resnet21",), ["row=resnet21", "did you mean resnet20?", "bregman_resnet20_atan"]),
    (("experiment=two_spiral",), ["experiment=two_spiral:", "did you mean two_spiral_3?"]),
    (("experiment=two_spiral_3", "scale=smal"), ["scale=smal", "did you mean small?"]),
    ((), ["model= is missing; choose one of bregman_mlp"]),
    (
        (*MLP, "optim.learning_rate=1"),
        ["unknown key optim.learning_rate; did you mean optim.lr?", "nesterov"],
    ),
    ((*MLP, "lr=0.1"), ["unknown key lr; did you mean optim.lr?"]),
    ((*MLP, "epochs=3"), ["unknown key epochs; did you mean trainer.max_epochs?"]),
    (("modle=mlp",), ["unknown key modle; did you mean model?"]),
    ((*MLP, "experiment_nme=x"), ["unknown key experiment_nme; did you mean experiment_name?"]),
    ((*MLP, "trainer.acelerator=cpu"), ["did you mean trainer.accelerator?"]),
    (("model=resnet20", "model.width=3"), ["model.width is not a key of the chosen model", "--cfg job"]),
    ((*MLP, "run=outputs"), ["run is not a key of this command", "--help"]),
    ((*MLP, "experiment_name=2020_01"), ["is read as the number 202001", "'experiment_name=\"2020_01\"'"]),
    ((*MLP, "output_dir=1e3"), ["is read as the number 1000.0", "'output_dir=\"1e3\"'"]),
    ((*MLP, "trainer.max_epochs=1e3"), ["trainer.max_epochs", "write 1000."]),
    ((*MLP, "trainer.max_epochs=1.5"), ["trainer.max_epochs", "could not be converted to Integer"]),
    ((*MLP, "model.widths=[8,8"), ["cannot be read as a list", "brackets"]),
    ((*MLP, "norm=l7"), ["norm='l7' is unknown; use one of linf, l2"]),
    ((*MLP, "eps=8/0"), ["eps='8/0' is not a number", "8/255"]),
    ((*MLP, "eps=[0.1,2]"), ["eps=2 is not allowed", "[0, 1]"]),
    ((*MLP, "attack=exact", "steps=3"), ["steps=3: no attack of the suite exact has steps"]),
    ((*MLP, "steps=0"), ["steps=0", "≥ 1"]),
    ((*MLP, "scale=small"), ["scale=small is the short version of an experiment", "experiment="]),
    (("row=resnet20", "model=resnet32"), ["row=resnet20 has a model already; leave out model=resnet32"]),
    ((*MLP, "attack.attacks=[{attack: fgsm, norm: linf, eps: 0.1}]", "norm=l2"), ["norm=l2: no attack"]),
    ((*MLP, "+foo=1"), ["unknown key foo"]),
    ((*MLP, "++optim.lrr=1"), ["unknown key optim.lrr; did you mean optim.lr?", "lr,"]),
    ((*MLP, "+dataset.eps.l3=[1]"), ["unknown key dataset.eps.l3; did you mean dataset.eps.l2?"]),
    ((*MLP, "act=relu"), ["relu", "no inverse", "atan"]),
    ((*MLP, "act=softplus", "act.beta=-1"), ["beta=-1", "above 0"]),
    ((*MLP, "act=tanh", "+act.beta=2"), ["'tanh' has no parameter 'beta'"]),
    ((*MLP, "act=tanh", "+act.learn=layer"), ["act.learn=layer: activation 'tanh' has no parameter"]),
    ((*MLP, "act=elu", "act.learn=neuron"), ["act.learn='neuron' does not exist; use one of network, l"]),
    ((*MLP, "act=elu", "act.learn=channel", "model.widths=[2,3]"), ["act.learn=channel is for hidden lay"]),
    ((*MLP, "model.clamp=2"), ["clamp=2", "above 0"]),
    ((*MLP, "model.init=zeros"), ["init='zeros'", "random, deterministic"]),
    ((*MLP, "model.widths=[2,0]"), ["widths=[2, 0]"]),
    ((*MLP, "model._target_=os.system"), ["model._target_=os.system is not permitted"]),
    ((*MLP, "act._target_=builtins.eval"), ["act._target_=builtins.eval is not permitted"]),
    ((*MLP, "dataset._target_=subprocess.run"), ["dataset._target_=subprocess.run is not permitted"]),
    ((*MLP, "trainer.max_epochs=0"), ["trainer.max_epochs=0", "≥ 1"]),
    ((*MLP, "trainer.max_epochs=many"), ["trainer", "many"]),
    ((*MLP, "optim.lr=0"), ["optim.lr=0", "> 0"]),
    ((*MLP, "optim.l1=0.1", "model.weight_norm=true"), ["optim.l1=0.1", "weight_norm"]),
    ((*MLP, "dataset.n_train=3"), ["dataset.n_train=3", "even"]),
    ((*MLP, "dataset.noise=-1"), ["dataset.noise=-1"]),
    ((*MLP, "attack.samples=0"), ["attack.samples=0", "≥ 1"]),
    ((*MLP, "attack.samples=9999"), ["attack.samples=9999", "500"]),
    ((*MLP, "dataset.eps.linf=[1.5]"), ["eps=1.5", "[0, 1]"]),
    ((*MLP, "dataset.eps.l2=[-0.1]"), ["eps=-0.1", "[0, 1]"]),
    ((*MLP, "attack.attacks=[{attack: fgsm, norm: l2, eps: 0.1}]"), ["fgsm cannot do norm=l2"]),
    ((*MLP, "attack.attacks=[{attack: pgd, eps: 0.1}]"), ["needs attack, norm and eps"]),
    (
        (*MLP, "attack.attacks=[{attack: pgd, norm: l2, eps: 0.1, stepz: 3}]"),
        ["no setting stepz"],
    ),
    ((*MLP, "seed=-1"), ["seed=-1"]),
    ((*MLP, "seed=1", "seeds=0..3"), ["seed=1 and seeds=0..3"]),
    ((*MLP, "seeds=3..0"), ["seeds=3..0", "0..63"]),
    ((*MLP, "seeds=3"), ["seeds=3", "0..63", "or seed=3"]),
    ((*MLP, "attack=pdg"), ["did you mean pgd", "there are audit, autoattack"]),
    ((*MLP, "experiment_name=a/b"), ["experiment_name='a/b'"]),
    ((*MLP, "output_dir=/proc/nothing"), ["/proc/nothing"]),
    ((*MLP, "model.name=../../evil"), ["model.name='../../evil'"]),
    ((*MLP, "trainer.devices=2"), ["trainer.devices=2", "ddp_spawn"]),
    ((*MLP, "attack.attacks=[{attack: [pgd], norm: l2, eps: 0.1}]"), ["attack=['pgd']"]),
    ((*MLP, "attack.attacks=[{attack: pgd, norm: l2, eps: true}]"), ["eps=True"]),
    ((*MLP, "attack.attacks=[{attack: pgd, norm: l2, eps: 0.1, rel_step: abc}]"), ["rel_step='abc'"]),
    (("model=resnet20", "dataset=image_folder", "dataset.root=x", "dataset.size=0"), ["dataset.size=0"]),
    (("model=resnet20", "dataset=two_spiral"), ["resnet20 needs images"]),
    (("model=bregman_resnet20", "model.depth=21"), ["depth=21", "20, 32"]),
    (("model=bregman_resnet20", "model.shortcut=A"), ["shortcut='A'", "pad, projection"]),
    (("model=resnet20", "dataset=image_folder"), ["dataset.root is missing"]),
    (("model=resnet20", "dataset=image_folder", "dataset.root=nowhere"), ["no folder nowhere"]),
    (("model=1",), ["model=1", "bregman_mlp"]),
    ((*MLP, "logger=null"), ["logger=null", "csv, mlflow, none, tensorboard, wandb"]),
    ((*MLP, "act=[{a: 1}]"), ["act=[{a: 1}]", "atan"]),
    ((*MLP, "logger=shuffle([1,2])"), ["logger=shuffle", "csv, mlflow, none, tensorboard, wandb"]),
    ((*MLP, "optim=null"), ["optim=null", "adam, adamw"]),
    ((*MLP, "trainer=null"), ["trainer=null", "cpu, ddp, gpu"]),
    ((*MLP, "eval=null"), ["eval=None is not a config"]),
    ((*MLP, "hydra=null"), ["Config group override must be"]),
    ((*MLP, "dataset._target_=[1]"), ["dataset._target_=[1] is not permitted"]),
    ((*MLP, "model._target_={a: 1}"), ["model._target_={'a': 1} is not permitted"]),
    ((*IMAGES, "dataset.root=~/x"), ["dataset.root=~/x cannot be read", "'dataset.root=\"~/x\"'"]),
    ((*IMAGES, "dataset.root=Bär"), ["dataset.root=Bär cannot be read", "'dataset.root=\"Bär\"'"]),
    ((*IMAGES, "dataset.root=a=b"), ["dataset.root=a=b cannot be read", "'dataset.root=\"a=b\"'"]),
    ((*MLP, "seeds=0..99999999"), ["100,000,000 seeds", "at most 10,000"]),
    ((*MLP, "output_dir=/dev/null"), ["/dev/null"]),
]

# values that are not allowed, of one key
VALUES = [
    ("model.depth=0", ["model.depth=0"]),
    ("trainer.batch_size=0", ["trainer.batch_size=0", "≥ 1"]),
    ("trainer.precision=8", ["trainer.precision=8", "bf16-mixed"]),
    ("trainer.accelerator=tpu", ["trainer.accelerator=tpu", "cpu or gpu"]),
    ("trainer.patience=0", ["trainer.patience=0"]),
    ("optim.lr=-1", ["optim.lr=-1"]),
    ("optim.momentum=1", ["optim.momentum=1", "[0, 1)"]),
    ("optim.optimizer=lion", ["optim.optimizer=lion", "adamw"]),
    ("optim.schedule=step", ["optim.schedule=step", "multistep"]),
    ("optim.weight_decay=-1", ["optim.weight_decay=-1"]),
    ("attack.batch_size=0", ["attack.batch_size=0"]),
    ("eval.weights=first", ["weights=first", "last, best"]),
    ("experiment_name=2024", ["experiment_name=2024"]),
    ("output_dir=7", ["output_dir=7"]),
    ("attack.name=../evil", ["attack.name='../evil'"]),
    ("trainer.strategy=deepspeed", ["trainer.strategy=deepspeed", "auto or ddp_spawn"]),
    ("trainer.precision=16-mixed", ["16-mixed needs a GPU"]),
    ("logger.name=aim", ["logger.name=aim", "csv, wandb, tensorboard, mlflow"]),
    ("logger.wandb.team=us", ["logger.wandb.team"]),
    ("model.widths=[{a: 1}]", ["model.widths=[{'a': 1}]", "whole numbers"]),
    ("model.widths=[[1]]", ["model.widths=[[1]]", "whole numbers"]),
    ("trainer.batch_size=99999999999999999999", ["trainer.batch_size=99999999999999999999"]),
]


@pytest.mark.parametrize(("words", "said"), WORDS, ids=lambda value: " ".join(value)[:60])
def test_train(command, tmp_path: Path, words: tuple[str, ...], said: list[str]) -> None:
    outcome = command("train", *words)
    assert outcome.code != 0
    for part in said:
        assert part in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())  # nothing was written


@cache
def allowed() -> Any:
    """A config of the command, composed once."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        config = compose("train", list(MLP))
    return OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize(("word", "said"), VALUES, ids=str)
def test_values(word: str, said: list[str]) -> None:
    """The check alone, whose sentence the command says as it says those above."""
    config = OmegaConf.create(
        {key: value for key, value in allowed().items() if key != "seeds"} | {"seed": 0}
    )
    config.merge_with_dotlist([word])
    with pytest.raises(COMPOSITION_ERRORS) as refused:
        check(OmegaConf.to_container(config))
    for part in said:
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("trainer", ["gpu", "ddp"])
def test_a_gpu_where_there_is_none(command, tmp_path: Path, trainer: str) -> None:
    outcome = command("train", *MLP, f"trainer={trainer}")
    assert outcome.code == 1
    assert "torch sees 0 here; use trainer=cpu" in outcome.err
    assert not list(tmp_path.iterdir())


def test_an_unknown_key_in_a_file(command, tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\noptim:\n  lerning_rate: 1\n"
    )
    outcome = command("train", "--config-dir", "own", *MLP, "experiment=mine")
    assert outcome.code != 0
    assert "lerning_rate" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "outputs").exists()


def remove_test(root: Path) -> None:
    shutil.rmtree(root / "test")


def break_image(root: Path) -> None:
    (root / "train" / "cat" / "03.png").write_bytes(b"no image")


def truncate_image(root: Path) -> None:
    file = root / "test" / "dog" / "01.png"
    file.write_bytes(file.read_bytes()[:-60])


def rename_class(root: Path) -> None:
    (root / "test" / "dog").rename(root / "test" / "wolf")


def empty_class(root: Path) -> None:
    for file in (root / "train" / "dog").iterdir():
        file.unlink()


def other_size(root: Path) -> None:
    Image.new("RGB", (9, 8)).save(root / "train" / "cat" / "zz.png")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_test, "no folder images/test"),
        (break_image, "images/train/cat/03.png is not a readable image"),
        (truncate_image, "images/test/dog/01.png is not a readable image"),
        (rename_class, "differ in dog, wolf"),
        (empty_class, "images/train/dog has no image"),
        (other_size, "zz.png has 9×8 pixels"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_image_folders(command, image_tree: Path, damage, said: str) -> None:
    damage(image_tree)
    outcome = command("train", *IMAGES)
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(Path("outputs").rglob("config.yaml"))


@pytest.mark.parametrize(("archive", "state"), [(None, "is not there"), (b"half of it", "is damaged")])
def test_cifar10_that_cannot_be_had(command, tmp_path: Path, monkeypatch, archive, state: str) -> None:
    def no_network(self: CIFAR10) -> None:
        raise OSError("no network")

    monkeypatch.setattr(CIFAR10, "download", no_network)
    (tmp_path / "data").mkdir()
    if archive:
        (tmp_path / "data" / "cifar-10-python.tar.gz").write_bytes(archive)
    outcome = command("train", "model=resnet20")
    assert outcome.code == 1
    assert f"CIFAR-10 in data {state} and its download failed" in outcome.err
    assert f"{CIFAR10.tgz_md5}) into {tmp_path / 'data'}" in outcome.err


# ---- evaluate


def test_evaluate_what_is_not_a_run(command, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for words in (("run=folder",), ("run=nowhere",)):
        outcome = command("evaluate", *words)
        assert outcome.code == 1
        assert "is not a run" in outcome.err
    assert "run is missing" in command("evaluate").err
    assert not list((tmp_path / "folder").iterdir())


def keep_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def of_another_model(file: Path) -> None:
    content = torch.load(file, weights_only=True)
    content["state_dict"] = {"model.conv1.weight": torch.zeros(3)}
    torch.save(content, file)


class Code:
    def __reduce__(self):
        return (Path.touch, (Path("was-run"),))


def with_code_inside(file: Path) -> None:
    torch.save({"state_dict": {}, "more": Code()}, file)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "there is no checkpoint"),
        (keep_half, "is damaged"),
        (of_another_model, "is of another model"),
        (with_code_inside, "is damaged"),
    ],
    ids=["missing", "truncated", "other", "code"],
)
def test_evaluate_with_a_bad_checkpoint(command, trained: Path, damage, said: str) -> None:
    damage(trained / "checkpoints" / "last.ckpt")
    outcome = command("evaluate", f"run={trained}", "attack=none")
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not (trained / "evaluations").exists()
    assert not Path("was-run").exists()


def test_evaluate_with_a_config_that_is_damaged_or_names_code(command, trained: Path) -> None:
    config = trained / "config.yaml"
    text = config.read_text()
    for changed, said in (
        (text.replace("bregman_exp.models.mlp", "os.system"), "model._target_=os.system is not permitted"),
        (text + "more: 1\n", "unknown key more"),
        ("a: [", "is damaged"),
        ("- a", "is not a config"),
    ):
        config.write_text(changed)
        outcome = command("evaluate", f"run={trained}", "attack=none")
        assert outcome.code == 1
        assert said in outcome.err
        assert "Traceback" not in outcome.err


def test_evaluate_other_mistakes(command, trained: Path) -> None:
    for words, said in (
        (("weights=first",), "weights=first"),
        (("attack.samples=41",), "attack.samples=41"),
        (("attack=nothing",), "attack=nothing: there is no such attack"),
        (("+optim=sgd",), "unknown key optim"),
        (("+trainer.foo=1",), "unknown key trainer.foo"),
        (("trainer.accelerator=tpu",), "trainer.accelerator=tpu"),
    ):
        outcome = command("evaluate", f"run={trained}", *words)
        assert outcome.code == 1
        assert said in outcome.err
    assert not (trained / "evaluations").exists()


def test_evaluate_after_the_data_changed(command, image_tree: Path, tmp_path: Path) -> None:
    words = (*IMAGES, "trainer.max_epochs=1", "trainer.batch_size=10", "attack=none")
    assert command("train", *words).code == 0
    (folder,) = (p.parent for p in (tmp_path / "outputs").rglob("metrics.json"))
    Image.new("RGB", (8, 8)).save(image_tree / "test" / "cat" / "00.png")
    outcome = command("evaluate", f"run={folder}", "attack=none")
    assert outcome.code == 1
    assert "has changed since" in outcome.err


def test_evaluate_an_unfinished_run(command, trained: Path) -> None:
    (trained / "metrics.json").unlink()
    config = trained / "config.yaml"
    config.write_text(config.read_text().replace("max_epochs: 2", "max_epochs: 3"))
    outcome = command("evaluate", f"run={trained}")
    assert outcome.code == 1
    assert "has not finished training" in outcome.err
