"""Run folders and what is read from them: tables and pictures. Knows no model."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures are written, not shown; a notebook's backend may not be installed

from bregman_exp.results.adversarial import adversarial_images as adversarial_images
from bregman_exp.results.adversarial import adversarial_points as adversarial_points
from bregman_exp.results.atomic import write_arrays as write_arrays
from bregman_exp.results.comparison import comparison_table as comparison_table
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
