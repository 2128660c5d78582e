"""The page of an experiment: run folders and pictures become one HTML file that needs nothing beside it."""

from bregman_exp.results.report.page import Command as Command
from bregman_exp.results.report.page import Sources as Sources
from bregman_exp.results.report.page import report_page as report_page
from bregman_exp.results.report.runs import ReportedRun as ReportedRun
from bregman_exp.results.report.runs import reported_runs as reported_runs
from bregman_exp.results.report.status import status_page as status_page
from bregman_exp.results.report.tables import Tables as Tables
from bregman_exp.results.report.tables import tables_for as tables_for
