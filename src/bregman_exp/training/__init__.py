"""Training of any classifier with Lightning: the module, its data, its callbacks."""

from bregman_exp.training.advice import without_advice as without_advice
from bregman_exp.training.budget import Budget as Budget
from bregman_exp.training.budget import Clock as Clock
from bregman_exp.training.budget import Pace as Pace
from bregman_exp.training.budget import StopInTime as StopInTime
from bregman_exp.training.budget import seconds_of as seconds_of
from bregman_exp.training.checkpoint import AtomicCheckpoints as AtomicCheckpoints
from bregman_exp.training.checkpoint import CheckpointError as CheckpointError
from bregman_exp.training.checkpoint import EpochCheckpoint as EpochCheckpoint
from bregman_exp.training.checkpoint import load_weights as load_weights
from bregman_exp.training.checkpoint import training_facts as training_facts
from bregman_exp.training.classifier import Classifier as Classifier
from bregman_exp.training.csv_logger import CsvLogger as CsvLogger
from bregman_exp.training.epochs import Epochs as Epochs
from bregman_exp.training.fixed_size import FixedSize as FixedSize
from bregman_exp.training.non_finite import NonFiniteLossError as NonFiniteLossError
from bregman_exp.training.optimizer import Optim as Optim
from bregman_exp.training.progress import TrainingProgress as TrainingProgress
from bregman_exp.training.stack import StackedClassifier as StackedClassifier
from bregman_exp.training.stack import stacked_seeds as stacked_seeds
