"""Robust accuracy of any classifier on [0, 1]: threats, attacks, and the harness that verifies them."""

from bregman_exp.robustness.attack import ATTACKS as ATTACKS
from bregman_exp.robustness.attack import Attack as Attack
from bregman_exp.robustness.attack import attack_usage as attack_usage
from bregman_exp.robustness.evaluation import evaluate as evaluate
from bregman_exp.robustness.isolation import evaluating as evaluating
from bregman_exp.robustness.parts import Parts as Parts
from bregman_exp.robustness.progress import EvaluationProgress as EvaluationProgress
from bregman_exp.robustness.report import Report as Report
from bregman_exp.robustness.report import robust_accuracy as robust_accuracy
from bregman_exp.robustness.result import Accuracy as Accuracy
from bregman_exp.robustness.result import Check as Check
from bregman_exp.robustness.result import Evaluation as Evaluation
from bregman_exp.robustness.result import Robustness as Robustness
from bregman_exp.robustness.result import Verdict as Verdict
from bregman_exp.robustness.spec import AttackSpec as AttackSpec
from bregman_exp.robustness.spec import unique_ids as unique_ids
from bregman_exp.robustness.threat import Norm as Norm
from bregman_exp.robustness.threat import Threat as Threat
from bregman_exp.robustness.victim import Victim as Victim
