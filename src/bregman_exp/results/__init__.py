"""Run folders and what is read from them: tables and pictures. Knows no model."""

from bregman_exp.results.record import metrics_record as metrics_record
from bregman_exp.results.run_folder import NotARunError as NotARunError
from bregman_exp.results.run_folder import RunBusyError as RunBusyError
from bregman_exp.results.run_folder import RunFolder as RunFolder
from bregman_exp.results.run_folder import find_runs as find_runs
from bregman_exp.results.table import results_table as results_table
