"""The user's own code, named on the command line: ``plugins=[…]`` and ``callbacks=[…]``."""

from dataclasses import dataclass
from typing import ClassVar

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, flag_override

from bregman_exp import plugins
from bregman_exp.config import ConfigError

CALLBACKS_IN_A_FILE = "trainer.callbacks comes from the command line alone: callbacks=[my_pkg.MyCallback]."


class PluginConfigs(SearchPathPlugin):
    """Adds the config folders of plug-ins to Hydra's search path, after those of this program."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in plugins.config_folders():
            search_path.append("plugins", f"file://{folder}")


@dataclass(frozen=True)
class UserCode:
    """Names of modules and classes. Config files cannot set them, so no config file can run code."""

    current: ClassVar["UserCode"]  # of the command that this process works for
    plugins: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()

    @classmethod
    def from_arguments(cls, arguments: list[str], options: tuple[str, ...]) -> "UserCode":
        """Reads these options and removes them from the arguments, since Hydra does not know them."""
        names: dict[str, tuple[str, ...]] = {}
        for option in options:
            matching = [argument for argument in arguments if argument.startswith(f"{option}=")]
            values = [argument.partition("=")[2].strip("[]") for argument in matching]
            split = [name.strip() for value in values for name in value.split(",")]
            names[option] = tuple(filter(None, split))
            arguments[:] = [argument for argument in arguments if argument not in matching]
        return cls(**names)

    def load(self) -> None:
        """Imports these plug-ins and the installed ones, and builds the callbacks once as a check.

        Raises PluginError where one fails.
        """
        plugins.load(self.plugins)
        plugins.callbacks(self.callbacks)
        Plugins.instance().register(PluginConfigs)
        UserCode.current = self

    @property
    def overrides(self) -> list[str]:
        """As they were typed, e.g. ["plugins=[my_pkg.maps]"]."""
        options = {"plugins": self.plugins, "callbacks": self.callbacks}
        return [f"{option}=[{','.join(names)}]" for option, names in options.items() if names]

    def put_into(self, cfg: DictConfig) -> None:
        """Puts the callbacks into the trainer's config; raises ConfigError where a file has set some."""
        if "trainer" not in cfg or cfg.trainer is None:
            return
        if "callbacks" in cfg.trainer:
            raise ConfigError(CALLBACKS_IN_A_FILE)
        if self.callbacks:
            with flag_override(cfg, ["struct", "readonly"], [False, False]):
                cfg.trainer.callbacks = list(self.callbacks)


UserCode.current = UserCode()


def typed_overrides() -> list[str]:
    """What the command of this job was given: Hydra's overrides, and the user's own code."""
    of_hydra = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return [*of_hydra, *UserCode.current.overrides]
