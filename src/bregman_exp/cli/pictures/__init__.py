"""scripts/pictures.py: from run folders to pictures."""

from bregman_exp.cli.pictures.album import Album as Album
from bregman_exp.cli.pictures.job import KINDS as KINDS
from bregman_exp.cli.pictures.job import check_kinds as check_kinds
from bregman_exp.cli.pictures.job import draw_pictures as draw_pictures
from bregman_exp.cli.pictures.job import told as told
