"""The code of a user's own that a command line names: ``plugins=[…]`` and ``callbacks=[…]``."""

from dataclasses import dataclass

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, flag_override

from bregman_exp import plugins
from bregman_exp.config import ConfigError

COMMAND_LINE_ALONE = "trainer.callbacks comes from the command line alone: callbacks=[my_pkg.MyCallback]."


class PluginConfigs(SearchPathPlugin):
    """Hydra finds the config files of plug-ins, after those of this program."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in plugins.config_folders():
            search_path.append("plugins", f"file://{folder}")


@dataclass(frozen=True)
class OwnCode:
    """Modules and classes by their names. No config file can say them, so that none can run code."""

    plugins: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()

    @classmethod
    def taken_from(cls, words: list[str], keys: tuple[str, ...]) -> "OwnCode":
        """What the words say of these keys; Hydra is not to see them, and they are removed."""
        names: dict[str, tuple[str, ...]] = {}
        for key in keys:
            mine = [word for word in words if word.startswith(f"{key}=")]
            values = [word.partition("=")[2].strip("[]") for word in mine]
            names[key] = tuple(name.strip() for value in values for name in value.split(",") if name.strip())
            words[:] = [word for word in words if word not in mine]
        return cls(**names)

    def load(self) -> None:
        """Imports the plug-ins, the installed ones too, and tries the callbacks; PluginError if one fails."""
        plugins.load(self.plugins)
        plugins.callbacks(self.callbacks)
        Plugins.instance().register(PluginConfigs)

    def put_into(self, cfg: DictConfig) -> None:
        """The callbacks go into the trainer's config; ConfigError where a file says some."""
        if "trainer" not in cfg or cfg.trainer is None:
            return
        if "callbacks" in cfg.trainer:
            raise ConfigError(COMMAND_LINE_ALONE)
        if self.callbacks:
            with flag_override(cfg, ["struct", "readonly"], [False, False]):
                cfg.trainer.callbacks = list(self.callbacks)
