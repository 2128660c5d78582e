"""Data sets: tensors in [0, 1] or uint8, with fixed splits, and their batches on the device."""

from bregman_exp.data.augment import random_crop_flip as random_crop_flip
from bregman_exp.data.cifar10 import cifar10 as cifar10
from bregman_exp.data.dataset import ClassificationData as ClassificationData
from bregman_exp.data.dataset import DataError as DataError
from bregman_exp.data.dataset import Split as Split
from bregman_exp.data.dataset import as_unit as as_unit
from bregman_exp.data.dataset import subset as subset
from bregman_exp.data.dataset import to_device as to_device
from bregman_exp.data.image_folder import first_image as first_image
from bregman_exp.data.image_folder import image_folder as image_folder
from bregman_exp.data.loader import DeviceLoader as DeviceLoader
from bregman_exp.data.loader import EpochLoader as EpochLoader
from bregman_exp.data.loader import StackedEpochLoader as StackedEpochLoader
from bregman_exp.data.planned_batches import PaddedImages as PaddedImages
from bregman_exp.data.planned_batches import PlannedBatches as PlannedBatches
from bregman_exp.data.statistics import COMPUTED as COMPUTED
from bregman_exp.data.statistics import Statistics as Statistics
from bregman_exp.data.two_spiral import two_spiral as two_spiral
