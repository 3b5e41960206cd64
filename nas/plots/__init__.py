"""Plots of a study, as the dashboard and the HTML report show them."""

from nas.plots.front import known_teacher, measured, pareto_figure
from nas.plots.picture import draw_figure
from nas.plots.progress import hypervolume_figure, kd_figure
from nas.plots.rungs import rung_figure

__all__ = [
    "draw_figure",
    "hypervolume_figure",
    "kd_figure",
    "known_teacher",
    "measured",
    "pareto_figure",
    "rung_figure",
]
