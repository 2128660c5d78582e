"""Many networks of one shape trained as one: their parameters stacked, one step for all of them."""

from bregman_exp.training.stack.classifier import StackedClassifier as StackedClassifier
from bregman_exp.training.stack.networks import Stack as Stack
