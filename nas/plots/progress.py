"""Plots over a search's images: how far the front has come, and the KD weight of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from distill.schedules import Schedule
from nas.plots.front import BLUE, INK, ORANGE, axis
from nas.ranking import finite, hypervolume
from nas.reporting import TrialReport

BEYOND = 1.1  # reference point of the hypervolume, in units of the ranges
STEPS = 100  # of the curve of a schedule


def hypervolume_figure(reports: Sequence[TrialReport], distance: str) -> go.Figure:
    """The hypervolume of the front after each trial, against the images shown until then, by trial number.

    Axes are logarithms of MACs and of the distance, each from the lowest value of a trial that was trained to
    the end to a tenth of their range beyond the highest; the whole of it is 1. A trial counts with its own
    distance; replicates only with their images.
    """
    complete = [t for t in reports if t.state == "COMPLETE" and t.replicate_of is None]
    positive = [t for t in complete if t.fid is not None and t.fid > 0 and finite(t.point)]
    points = {t.number: (math.log(t.macs or 1), math.log(t.fid or 1)) for t in positive}
    columns = list(zip(*points.values(), strict=True)) or [(0.0,), (0.0,)]
    lowest, ranges = [min(each) for each in columns], [max(each) - min(each) or 1.0 for each in columns]
    scaled = {
        number: tuple(
            (value - low) / extent for value, low, extent in zip(point, lowest, ranges, strict=True)
        )
        for number, point in points.items()
    }
    shown, found, images, areas = 0, [], [], []
    for trial in sorted(reports, key=lambda t: t.number):
        shown += trial.rungs[-1].images if trial.rungs else 0
        if trial.number in scaled:
            found.append(scaled[trial.number])
            images.append(shown)
            areas.append(hypervolume(found, (BEYOND, BEYOND)) / BEYOND**2)
    figure = go.Figure()
    line = {"shape": "hv", "color": BLUE, "width": 2}
    figure.add_trace(go.Scatter(x=images, y=areas, mode="lines+markers", line=line, marker={"size": 5}))
    return _laid_out(figure, "Hypervolume of the front", "images shown in all trials", "hypervolume")


def kd_figure(schedule: Schedule, images: int) -> go.Figure:
    """The KD weight over a training of `images` images."""
    at = [i / STEPS for i in range(STEPS + 1)]
    shown = [round(images * each) for each in at]
    figure = go.Figure()
    weights = [schedule(each) for each in at]
    figure.add_trace(go.Scatter(x=shown, y=weights, mode="lines", line={"color": ORANGE, "width": 2}))
    return _laid_out(figure, "KD weight", "images of a training", "KD weight")


def _laid_out(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    figure.update_layout(
        title={"text": title, "x": 0.02},
        template=None,
        font={"color": INK, "size": 13},
        paper_bgcolor="white",
        plot_bgcolor="white",
        xaxis=axis(x, []) | {"rangemode": "tozero"},
        yaxis=axis(y, []) | {"rangemode": "tozero", "tickformat": ""},
        showlegend=False,
        margin={"t": 60, "b": 60, "l": 70, "r": 30},
    )
    return figure
