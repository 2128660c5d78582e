"""Run folders: what lies on the disk, how it is written, and how it is checked before it is believed."""

from bregman_exp.runs.atomic import write_arrays as write_arrays
from bregman_exp.runs.reading import NotARunError as NotARunError
from bregman_exp.runs.reading import read_config as read_config
from bregman_exp.runs.record import metrics_record as metrics_record
from bregman_exp.runs.run_folder import RunBusyError as RunBusyError
from bregman_exp.runs.run_folder import RunFolder as RunFolder
from bregman_exp.runs.run_folder import attacks_that_failed as attacks_that_failed
from bregman_exp.runs.run_folder import find_runs as find_runs
