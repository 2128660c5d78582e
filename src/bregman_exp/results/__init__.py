"""Run folders and what is read from them: the frame, tables, comparisons. Knows no model.

Called, the package is ``frame.results``: ``bx.results("outputs/…")``.
"""

import sys
from types import ModuleType
from typing import Any

from bregman_exp.results.atomic import write_arrays as write_arrays
from bregman_exp.results.page import evaluation_page as evaluation_page
from bregman_exp.results.reading import NotARunError as NotARunError
from bregman_exp.results.reading import read_config as read_config
from bregman_exp.results.reading import shown as shown
from bregman_exp.results.record import metrics_record as metrics_record
from bregman_exp.results.run_folder import RunBusyError as RunBusyError
from bregman_exp.results.run_folder import RunFolder as RunFolder
from bregman_exp.results.run_folder import attacks_that_failed as attacks_that_failed
from bregman_exp.results.run_folder import find_runs as find_runs
from bregman_exp.results.terminal import as_text as as_text
from bregman_exp.results.terminal import in_one_sentence as in_one_sentence
from bregman_exp.results.terminal import print_whole as print_whole
from bregman_exp.results.terminal import write_any_character as write_any_character


class _Called(ModuleType):
    """A module that can be called: importing any part of this package puts it in the place of a function."""

    def __call__(self, *places: Any) -> Any:
        from bregman_exp.results.frame import results  # pandas takes half a second

        return results(*places)


sys.modules[__name__].__class__ = _Called
