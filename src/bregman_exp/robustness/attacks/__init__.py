"""The attacks: a file and a line below for each."""

from bregman_exp.robustness.attack import ATTACKS
from bregman_exp.robustness.attacks.autoattack import PROGRAMS
from bregman_exp.robustness.attacks.exact import Exact
from bregman_exp.robustness.attacks.hard_label import HardLabel
from bregman_exp.robustness.attacks.minimal_norm import MinimalNorm
from bregman_exp.robustness.attacks.noise import GaussianNoise, UniformNoise
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.attacks.random_search import RandomSearch
from bregman_exp.robustness.attacks.single_step import FGM, FGSM
from bregman_exp.robustness.attacks.suite import Suite
from bregman_exp.robustness.attacks.torchattack import TorchAttack
from bregman_exp.robustness.attacks.transfer import Transfer

for attack in (
    UniformNoise,
    GaussianNoise,
    FGSM,
    FGM,
    PGD,
    Suite,
    MinimalNorm,
    Transfer,
    RandomSearch,
    HardLabel,
    TorchAttack,
    *PROGRAMS,
    Exact,
):
    ATTACKS[attack.name] = attack
