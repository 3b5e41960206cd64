"""Plots over a search's images: how far the front has come, and the KD weight of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from distill.schedules import Schedule
from nas.plots.front import BLUE, INK, ORANGE, axis
from nas.ranking import hypervolume
from nas.reporting import TrialReport

STEPS = 100  # of the curve of a schedule


def hypervolume_figure(reports: Sequence[TrialReport], distance: str) -> go.Figure:
    """The area that the front dominates, of all that any front of these trials could, against images shown.

    Axes of the area are logarithms of MACs and of the distance; its corner is the worst of both that a trial
    trained to the end has. A trial counts with its own distance, and when it is finished.
    """
    complete = [t for t in reports if t.state == "COMPLETE" and t.macs and t.fid]
    points = {t.number: (math.log(t.macs or 1), math.log(t.fid or 1)) for t in complete}
    shown, found, images, areas = 0, [], [], []
    corner = tuple(max(values) for values in zip(*points.values(), strict=True)) if points else (0.0, 0.0)
    ideal = tuple(min(values) for values in zip(*points.values(), strict=True)) if points else (0.0, 0.0)
    whole = (corner[0] - ideal[0]) * (corner[1] - ideal[1])
    for trial in sorted(reports, key=lambda t: t.number):
        shown += trial.rungs[-1].images if trial.rungs else 0
        if trial.number in points and whole > 0:
            found.append(points[trial.number])
            images.append(shown)
            areas.append(hypervolume(found, corner) / whole)
    figure = go.Figure()
    line = {"shape": "hv", "color": BLUE, "width": 2}
    figure.add_trace(go.Scatter(x=images, y=areas, mode="lines+markers", line=line, marker={"size": 5}))
    return _laid_out(figure, "Hypervolume of the front", "images shown in all", "share of the best possible")


def kd_figure(schedule: Schedule, images: int) -> go.Figure:
    """The KD weight over a training of `images` images."""
    at = [i / STEPS for i in range(STEPS + 1)]
    shown = [round(images * each) for each in at]
    figure = go.Figure()
    weights = [schedule(each) for each in at]
    figure.add_trace(go.Scatter(x=shown, y=weights, mode="lines", line={"color": ORANGE, "width": 2}))
    return _laid_out(figure, "KD weight", "images of a training", "weight of similarity")


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
