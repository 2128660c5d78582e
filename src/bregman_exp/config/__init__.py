"""What a config may say, how it is checked, and the hash it gives a run."""

from bregman_exp.config.check import check as check
from bregman_exp.config.check import check_group as check_group
from bregman_exp.config.folder import conf_dir as conf_dir
from bregman_exp.config.hashing import config_hash as config_hash
from bregman_exp.config.hashing import short_hash as short_hash
from bregman_exp.config.schema import TARGETS as TARGETS
from bregman_exp.config.schema import Act as Act
from bregman_exp.config.schema import Attack as Attack
from bregman_exp.config.schema import ConfigError as ConfigError
from bregman_exp.config.schema import Eps as Eps
from bregman_exp.config.schema import Eval as Eval
from bregman_exp.config.schema import ImageFolder as ImageFolder
from bregman_exp.config.schema import Mlp as Mlp
from bregman_exp.config.schema import PluginData as PluginData
from bregman_exp.config.schema import PluginMap as PluginMap
from bregman_exp.config.schema import PluginModel as PluginModel
from bregman_exp.config.schema import Resnet as Resnet
from bregman_exp.config.schema import Run as Run
from bregman_exp.config.schema import Trainer as Trainer
from bregman_exp.config.schema import require as require
