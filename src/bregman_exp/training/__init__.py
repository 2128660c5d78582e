"""Training of any classifier with Lightning: the module, its data, its callbacks."""

from bregman_exp.training.classifier import Classifier as Classifier
from bregman_exp.training.csv_logger import CsvLogger as CsvLogger
from bregman_exp.training.epochs import Epochs as Epochs
from bregman_exp.training.non_finite import NonFiniteLoss as NonFiniteLoss
from bregman_exp.training.optimizer import Optim as Optim
from bregman_exp.training.progress import TrainingProgress as TrainingProgress
