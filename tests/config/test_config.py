"""The config groups, the schema and the hash."""

from dataclasses import replace
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from bregman_exp import build
from bregman_exp.config import ChannelStatistics, Run, check, conf_dir, config_hash
from bregman_exp.config.schema.data import NAMED, NORMALIZE
from bregman_exp.data import ARCHIVES, COMPUTED, two_spiral
from bregman_exp.geometry import ACTIVATIONS
from bregman_exp.models.input_map import NORMALIZATIONS
from bregman_exp.robustness.attacks.pgd import PGD

CONF = Path(conf_dir())


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@cache
def composed(*words: str) -> Run:
    GlobalHydra.instance().clear()
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = OmegaConf.to_container(compose("train", list(words)), resolve=True)
    assert isinstance(plain, dict)
    seed = plain.pop("seed")
    plain.pop("seeds")
    return check({str(k): v for k, v in plain.items()} | {"seed": 0 if seed is None else seed})


def hash_of(*words: str) -> str:
    made = composed(*words)
    return config_hash(made, build.activation(made).label, "f")


APART = ("attack", "optim", "training", "trainer", "logger")  # a choice of one hardly acts on another
TOGETHER = zip_longest(*([f"{group}={name}" for name in names(group)] for group in APART))
EVERY = [
    *((f"{group}={name}",) for group in ("model", "row") for name in names(group)),
    *(("model=resnet20", f"dataset={name}") for name in names("dataset")),
    *(("model=bregman_mlp", f"experiment={name}") for name in names("experiment")),
    *(("model=bregman_mlp", *filter(None, words)) for words in TOGETHER),  # squared_error is for MLPs
]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_config_composes_and_is_valid(words: tuple[str, ...]) -> None:
    made = composed(
        *words, *(["dataset.root=x"] if {"dataset=image_folder", "dataset=imagenet"} & {*words} else [])
    )
    build.attack_specs(made.attack)
    if not any("1202" in word for word in words):  # takes seconds; the next test but two makes one
        build.check_model(made, build.activation(made))


def test_tests_compose_what_hydra_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """See tests/conftest.py: quickly, from a second time with the same groups on."""
    sgd = ("model=bregman_mlp", "act=tanh", "optim.lr=0.3", "++optim.momentum=0.5")
    adam = ("model=bregman_mlp", "act=tanh", "optim=adam", "~optim.schedule", "seed=7")
    compositions = [sgd, adam, sgd[:2], adam[:3]]
    quick = [composed.__wrapped__(*words) for words in compositions * 2]
    for owner, name in (
        (ConfigRepository, "load_config"),
        (ConfigLoaderImpl, "_compose_config_from_defaults_list"),
        (config_loader_impl, "create_defaults_list"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name).__wrapped__)
    assert quick == [composed.__wrapped__(*words) for words in compositions] * 2
    assert len(set(map(str, quick))) == 4


def test_acts_in_conf_are_those_of_the_geometry() -> None:
    assert set(names("act")) == set(ACTIVATIONS)


@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_an_act_of_the_config_is_the_map_of_that_name_with_its_defaults(act: str) -> None:
    made = composed("model=resnet20", f"act={act}")
    assert build.activation(made) == ACTIVATIONS[act]()
    build.check_model(made, build.activation(made))


@pytest.mark.parametrize("words", [["row=bregman_resnet20_atan"], ["model=bregman_resnet1202"]], ids=str)
def test_at_most_twelve_files_make_a_run(words: list[str]) -> None:
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        defaults = loader.compute_defaults_list("train", [*words, "attack=curve"], RunMode.RUN).defaults
    files = {d.config_path for d in defaults if d.config_path and not d.config_path.startswith("hydra/")}
    assert len(files - {"_dummy_empty_config_"}) <= 12, files


def test_a_model_sets_act_and_data_and_the_command_line_wins() -> None:
    default = composed("model=bregman_mlp")
    assert (default.act.name, default.dataset.name, default.optim.lr) == ("atan", "two_spiral", 0.01)
    assert default.trainer.max_epochs == 500
    assert composed("model=bregman_mlp", "act=tanh").act.name == "tanh"
    assert composed("act=tanh", "model=bregman_mlp").act.name == "tanh"
    assert composed("model=resnet20").act.name == "relu"
    assert composed("model=bregman_resnet20").act.name == "softplus"
    tanh = composed("row=bregman_resnet20_tanh")
    assert (tanh.act.name, tanh.model.version, tanh.trainer.max_epochs) == ("tanh", "bregman", 182)
    assert composed("row=bregman_resnet20_tanh", "act=atan").act.name == "atan"


@pytest.mark.parametrize(
    ("words", "epochs", "batch", "patience", "lr"),
    [
        (("model=mlp", "dataset=fashion_mnist"), 100, 16, 10, 0.1),
        (("experiment=mnist_mlp", "model=mlp"), 100, 16, 10, 0.1),
        (("model=mlp", "dataset=mnist", "trainer.max_epochs=3", "optim.lr=0.5"), 3, 16, 10, 0.5),
        (("model=mlp", "dataset=mnist", "optim=adam"), 500, 16, None, 1e-3),  # the recipe is of sgd_plain
        (("model=bregman_resnet18", "dataset=imagenet", "dataset.root=x"), 90, 256, None, 0.1),
        (
            ("model=resnet18", "dataset=imagenet", "dataset.root=x", "experiment=cifar10_robust"),
            110,
            128,
            None,
            0.1,
        ),
    ],
)
def test_a_data_set_may_change_the_recipe_of_a_model(
    words: tuple[str, ...], epochs: int, batch: int, patience: int | None, lr: float
) -> None:
    trainer, optim = composed(*words).trainer, composed(*words).optim
    assert (trainer.max_epochs, trainer.batch_size, trainer.patience) == (epochs, batch, patience)
    assert optim.lr == lr
    if trainer.max_epochs == 90:
        assert (optim.milestones, optim.momentum, optim.weight_decay) == ([30, 60], 0.9, 1e-4)


def test_sizes_of_perturbations_and_augmentation_follow_the_data() -> None:
    digits = composed("model=mlp", "dataset=mnist", "attack=curve")
    assert (digits.dataset.eps.linf[-1], digits.dataset.eps.l2[-1]) == (0.3, 2.0)
    assert 0.3 in [spec.eps for spec in build.attack_specs(digits.attack)]
    flips = {name: OmegaConf.load(CONF / "dataset" / f"{name}.yaml").flip for name in ARCHIVES}
    assert flips == {"cifar10": True, "cifar100": True, "fashion_mnist": True, "mnist": False, "svhn": False}
    for name, eps in (("mnist", 2.0), ("circle", 0.02)):
        run = composed("model=mlp", f"dataset={name}", "training=pgd_at", "training.norm=l2")
        assert build.job(run, data=two_spiral()).run.training.eps == eps


def test_the_published_recipe() -> None:
    recipe = composed("row=bregman_resnet20_softplus")
    assert recipe.optim.milestones == [91, 136]
    assert (recipe.optim.lr, recipe.optim.momentum, recipe.optim.weight_decay) == (0.1, 0.9, 1e-4)
    assert (recipe.trainer.batch_size, recipe.model.clamp) == (128, 2e-5)
    assert build.activation(recipe).label == "softplus"
    assert composed("model=bregman_mlp").model.clamp == 1e-5


def test_the_table_suite() -> None:
    specs = build.attack_specs(composed("model=resnet20", "attack=paper").attack)
    assert [(s.attack.name, s.norm, s.eps) for s in specs] == [
        ("pgd", "linf", pytest.approx(0.71 / 255)),
        ("pgd", "l2", 0.080),
        ("fgsm", "linf", pytest.approx(1.2 / 255)),
        ("fgm", "l2", 0.123),
    ]
    assert specs[0].attack == PGD(steps=50, rel_step=0.25, restarts=1, random_start=True)


def test_the_stored_config_is_read_back_as_it_was() -> None:
    assert "max_time" not in composed("row=resnet20", "trainer.max_time=00:08:30").to_yaml()
    for words in (("model=bregman_mlp", "model.widths=[3,4]"), ("row=resnet20", "dataset.root=/data")):
        made = composed(*words)
        plain = OmegaConf.to_container(OmegaConf.create(made.to_yaml()))
        assert check(plain) == made


def test_the_stored_path_of_the_data_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    for given, stored in (("images", str(tmp_path / "images")), ("~/images", "/home/anna/images")):
        run = composed("row=resnet20", f"dataset.root='{given}'")
        assert OmegaConf.create(run.to_yaml()).dataset.root == stored
        assert config_hash(run, "ReLU", "data") == config_hash(
            check(OmegaConf.to_container(OmegaConf.create(run.to_yaml()))), "ReLU", "data"
        )


def test_an_image_folder_of_an_older_config_keeps_its_meaning() -> None:
    """A config.yaml from before channels and computed statistics: three channels, those of CIFAR-10."""
    words = ("row=resnet20", "dataset=image_folder", "dataset.root=/x")
    old = OmegaConf.to_container(OmegaConf.create(composed(*words).to_yaml()))
    for key in ("channels", "statistics"):
        del old["dataset"][key]
    old["dataset"] |= {"n_val": 5000, "normalize": "cifar10"}
    dataset = check(old).dataset
    assert (dataset.n_val, dataset.channels, dataset.normalize) == (5000, 3, "cifar10")
    new = composed(*words).dataset
    assert (new.n_val, new.channels, new.normalize) == (None, None, "computed")


def test_statistics_that_are_computed_count_in_the_hash() -> None:
    """So a changed number in a config.yaml is noticed, and named ones have the hash they always had."""
    words = ("row=resnet20", "dataset=image_folder", "dataset.root=/x")
    named = hash_of(*words, "dataset.normalize=cifar10")
    assert named == hash_of("row=resnet20") == hash_of(*words, "dataset.normalize=cifar10", "dataset.n_val=7")
    hashes = {named}
    for level in (0.5, 0.500001):
        chosen = {"statistics": ChannelStatistics([level] * 3, [0.2] * 3), "n_val": 7}
        run = composed(*words)
        run = replace(run, dataset=replace(run.dataset, **chosen))
        stored = check(OmegaConf.to_container(OmegaConf.create(run.to_yaml())))
        assert stored == run
        hashes.add(config_hash(stored, "ReLU", "f"))
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("normalize=stl10", "dataset.normalize=stl10 is unknown; use computed, cifar10, .* or null"),
        ("channels=2", "dataset.channels=2: images have 1 or 3"),
        (
            "channels=1 dataset.normalize=cifar10",
            "is for 3 channels, and dataset.channels=1; use computed or null, or dataset.channels=3",
        ),
        ("channels=3 dataset.normalize=mnist", "is for 1 channel, and dataset.channels=3; use computed"),
        ("statistics={mean:[0.5],std:[0.0]}", "give 1 or 3 numbers each, every std > 0"),
        ("statistics={mean:[0.5,0.5],std:[1.0,1.0]}", "give 1 or 3 numbers each"),
    ],
)
def test_channels_and_statistics_that_are_refused(words: str, sentence: str) -> None:
    overrides = f"++dataset.{words}".split(" ")
    with pytest.raises(ValueError, match=sentence):
        composed("row=resnet20", "dataset=image_folder", "dataset.root=/x", *overrides)


def test_names_of_statistics_are_those_of_the_models() -> None:
    assert set(NORMALIZE) == {COMPUTED, *NORMALIZATIONS}
    assert {name: len(mean) for name, (mean, _) in NORMALIZATIONS.items()} == NAMED
    assert ARCHIVES.keys() < NORMALIZATIONS.keys()


@pytest.mark.parametrize(("compile_", "form"), [(None, None), (False, "eager"), (True, "compiled")])
def test_a_config_of_before_forms_had_names_is_read(compile_: bool | None, form: str | None) -> None:
    plain = OmegaConf.to_container(OmegaConf.create(composed("row=resnet20").to_yaml()))
    del plain["trainer"]["fast"]
    assert check({**plain, "trainer": plain["trainer"] | {"compile": compile_}}).trainer.fast == form


def test_how_many_samples_are_attacked_at_a_time() -> None:
    """As many as fill a GPU, where no figure depends on it; what was computed in batches of 250 is found."""
    gpu, data = "trainer=gpu", build.black_images(composed("row=resnet20"))

    def size(*words: str) -> int:
        return build.job(composed(*words), data=data).attack_batch_size

    assert size("row=resnet20") == 250
    assert size("row=resnet20", gpu) == 2000
    assert size("model=resnet110", gpu) == 363  # as much memory
    assert size("model=resnet1202", gpu) == 250
    assert size("row=resnet20", gpu, "attack.batch_size=7") == 7
    assert size("row=resnet20", "attack.audit=true", gpu) == 250
    suite = "attack=autoattack"
    assert size("row=resnet20", suite, gpu) == 250
    hashes = {
        build.job(composed("row=resnet20", suite, *more), data=data).suite_hash
        for more in ((), (gpu,), ("attack.batch_size=250",))
    }
    assert len(hashes) == 1
    other = build.job(composed("row=resnet20", suite, "attack.batch_size=9"), data=data)
    assert other.suite_hash not in hashes


def test_the_hash_covers_what_determines_the_weights() -> None:
    base, hash_of_base = composed("model=bregman_mlp"), hash_of("model=bregman_mlp")
    same = ("attack=curve", "logger=wandb", "trainer.accelerator=gpu", "output_dir=x", "experiment_name=y")
    same += ("trainer.fast=captured", "attack.batch_size=3")
    same += ("trainer.max_time=00:08:30",)
    other = (
        "seed=1",
        "act=tanh",
        "model.depth=4",
        "model.clamp=null",
        "optim.lr=0.02",
        "trainer.max_epochs=3",
    )
    other += (
        "training=squared_error",
        "trainer.batch_size=8",
        "trainer.precision=bf16-mixed",
        "model=mlp",
        "model.init=deterministic",
    )
    same += ("model.widths=[2,2,2]",)
    for word in same:
        assert hash_of("model=bregman_mlp", word) == hash_of_base, word
    hashes = {hash_of("model=bregman_mlp", word) for word in other}
    assert len(hashes | {hash_of_base, config_hash(base, "atan", "g")}) == len(other) + 2
    again = replace(base, seed=5)
    rows = {config_hash(made, "atan", "f", with_seed=False) for made in (base, again)}
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["model=mlp", "model.clamp=null"], ["model=mlp"]),
        (["model=resnet20", "optim=adam", "++optim.nesterov=false"], ["model=resnet20", "optim=adam"]),
        (
            ["model=resnet20", "optim.schedule=cosine", "optim.gamma=0.5"],
            ["model=resnet20", "optim.schedule=cosine"],
        ),
        (["model=resnet20", "act=scaled_tanh", "+act.scale=1.7159"], ["model=resnet20", "act=scaled_tanh"]),
        (["model=resnet20", "act=bent_identity"], ["model=resnet20", "act=squareplus"]),
        (
            ["model=resnet20", "dataset.augment=false", "dataset.flip=false"],
            ["model=resnet20", "dataset.augment=false"],
        ),
        (
            ["model=mlp", "training=squared_error", "++training.eps=0.1"],
            ["model=mlp", "training=squared_error"],
        ),
    ],
)
def test_what_does_nothing_does_not_count(one: list[str], other: list[str]) -> None:
    assert hash_of(*one) == hash_of(*other)


def test_the_hash_stays_what_it_was() -> None:
    """A pinned value: folders of finished runs must be found again. Change it only with a reason in docs/."""
    assert hash_of("row=bregman_resnet20_softplus") == "42b54c8efc08"
    assert hash_of("row=bregman_resnet20_softplus", "dataset.flip=false") != "42b54c8efc08"


def test_where_a_run_lies() -> None:
    beta = composed("model=bregman_mlp", "act=softplus", "act.beta=10", "dataset.n_train=8")
    folder = build.job(beta).folder.path
    assert folder.parts[:3] == ("outputs", "adhoc", "bregman_mlp-softplus-beta10-two_spiral")
    assert folder.name.startswith("seed-0-")


def test_euclidean_resnets_are_recorded_as_standard() -> None:
    made = composed("model=resnet20", "model.version=euclidean")
    assert made.model.version == "standard"
    assert hash_of("model=resnet20", "model.version=euclidean") == hash_of("model=resnet20")


def test_no_preset_reaches_for_what_can_run_code() -> None:
    """Hydra's callbacks and plug-ins name code; of the files that a command composes only its own does."""
    for file in CONF.rglob("*.yaml"):
        hydra = (OmegaConf.to_container(OmegaConf.load(file)) or {}).get("hydra", {})
        own = {"help", "output_subdir", "run", "sweep"} if file.parent == CONF else {"mode", "sweeper"}
        assert hydra.keys() <= own | {"callbacks"}, file
        if file.parent != CONF:
            assert not any("_target_" in callback for callback in hydra.get("callbacks", {}).values()), file
