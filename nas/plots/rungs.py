"""Plot of the rungs: distance against images seen, a line for each training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from nas.plots.front import BLUE, FAINT, INK, ORANGE, RED, axis, measured
from nas.reporting import TrialReport, choose_best
from nas.study import StudyAttributes

if TYPE_CHECKING:
    from nas.study import StudyStore


def rung_figure(store: StudyStore, reports: Sequence[TrialReport], budget_macs: float | None) -> go.Figure:
    """Distance against images: stopped trainings (faint), finished ones, baselines and the best.

    Args:
        store: the study.
        reports: its trials.
        budget_macs: the limit that the best keeps to.
    """
    trials = [t for t in reports if t.rungs]
    best = choose_best(measured(reports), budget_macs).best
    number = None if best is None else best.number
    distance = StudyAttributes.from_study(store.study).distance
    of_best = [t for t in trials if t.number == number]
    others = [t for t in trials if t.number != number]
    baselines = [t for t in others if t.baseline is not None]
    complete = [t for t in others if t.baseline is None and t.state == "COMPLETE"]
    rest = [t for t in others if t.baseline is None and t.state != "COMPLETE"]
    figure = go.Figure()
    for name, group, colour, width in (
        ("stopped early or running", rest, FAINT, 1.5),
        ("finished", complete, BLUE, 1.5),
        ("baseline", baselines, ORANGE, 2),
        (f"best: trial {number}", of_best, RED, 3),
    ):
        if group:
            figure.add_trace(_lines(name, group, colour, width, distance))
    rungs = [rung for t in trials for rung in t.rungs]
    figure.update_layout(
        title={"text": f"{distance} at each rung", "x": 0.02},  # its right is the toolbar's
        template=None,  # plotly's own would be most of what is sent
        font={"color": INK, "size": 13},
        paper_bgcolor="white",
        plot_bgcolor="white",
        xaxis=axis("images seen", [rung.images for rung in rungs]) | {"rangemode": "tozero"},
        yaxis=axis(f"{distance}, lower is better", [rung.fid for rung in rungs]),
        legend={"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom"},
        showlegend=True,
        hoverlabel={"align": "left"},
        margin={"t": 60, "b": 130, "l": 70, "r": 30},
    )
    return figure


def _lines(name: str, trials: Sequence[TrialReport], colour: str, width: float, distance: str) -> go.Scatter:
    """All lines of a group as one trace: a gap ends each line."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for trial in trials:
        x += [*(rung.images for rung in trial.rungs), None]
        y += [*(rung.fid for rung in trial.rungs), None]
        seed = "" if trial.replicate_of is None else f", replicate of trial {trial.replicate_of}"
        text += [
            f"<b>trial {trial.number}</b>{seed}<br>{distance} {rung.fid:.2f} after {rung.images:,} images"
            for rung in trial.rungs
        ] + [""]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": colour, "width": width},
        marker={"size": 5},
        name=name,
        text=text,
        hovertemplate="%{text}<extra></extra>",
    )
