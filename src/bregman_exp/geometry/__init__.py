"""Legendre maps, divergences and projections: torch alone, no modules, no config.

The maps stand in ``bounded.py``, ``half_line.py``, ``real_line.py`` (by their range) and ``softplus.py``;
``registry.py`` names them.
"""

from bregman_exp.geometry.legendre import Activation as Activation
from bregman_exp.geometry.legendre import LegendreMap as LegendreMap
from bregman_exp.geometry.legendre import bregman_divergence as bregman_divergence
from bregman_exp.geometry.projection import project_l2 as project_l2
from bregman_exp.geometry.projection import project_linf as project_linf
from bregman_exp.geometry.projection import project_simplex as project_simplex
from bregman_exp.geometry.registry import ACTIVATIONS as ACTIVATIONS
from bregman_exp.geometry.registry import as_legendre as as_legendre
from bregman_exp.geometry.registry import legendre_map as legendre_map
