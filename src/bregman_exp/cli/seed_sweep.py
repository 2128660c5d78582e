"""Seeds on the command line and a preset that sweeps over seeds."""

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, flag_override

SAID_TWO_WAYS = ("seed", "seeds")


class CommandLineSeeds(Callback):
    """``seeds=…`` on the command line stands in place of a preset's sweep over ``seed``, and the reverse.

    Hydra calls it before a sweep (``hydra.callbacks`` in conf/); a key that is in both places it puts right
    itself.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        words = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
        if not {word.get_key_element().lstrip("+") for word in words} & set(SAID_TWO_WAYS):
            return
        with flag_override(config, ["struct", "readonly"], [False, False]):
            for key in SAID_TWO_WAYS:
                (config.hydra.sweeper.get("params") or {}).pop(key, None)
