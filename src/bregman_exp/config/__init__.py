"""The schema of the configs, the check against it, and the hash of a run."""

from bregman_exp.config.check import check as check
from bregman_exp.config.check import check_group as check_group
from bregman_exp.config.hashing import config_hash as config_hash
from bregman_exp.config.hashing import short_hash as short_hash
from bregman_exp.config.keys import GROUPS as GROUPS
from bregman_exp.config.keys import nearest as nearest
from bregman_exp.config.keys import typed_keys as typed_keys
from bregman_exp.config.keys import unknown_key as unknown_key
from bregman_exp.config.schema.data import Cifar10 as Cifar10
from bregman_exp.config.schema.data import Eps as Eps
from bregman_exp.config.schema.data import ImageFolder as ImageFolder
from bregman_exp.config.schema.data import PluginData as PluginData
from bregman_exp.config.schema.evaluation import Attack as Attack
from bregman_exp.config.schema.evaluation import Eval as Eval
from bregman_exp.config.schema.network import Act as Act
from bregman_exp.config.schema.network import Mlp as Mlp
from bregman_exp.config.schema.network import PluginMap as PluginMap
from bregman_exp.config.schema.network import PluginModel as PluginModel
from bregman_exp.config.schema.network import Resnet as Resnet
from bregman_exp.config.schema.require import ConfigError as ConfigError
from bregman_exp.config.schema.require import require as require
from bregman_exp.config.schema.run import TARGETS as TARGETS
from bregman_exp.config.schema.run import Run as Run
from bregman_exp.config.schema.run import conf_dir as conf_dir
from bregman_exp.config.schema.training import Logger as Logger
from bregman_exp.config.schema.training import Trainer as Trainer
