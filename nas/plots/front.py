"""Plot of a study: distance against MACs, front, budget, best student."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from nas.budget import format_quantity
from nas.ranking import finite
from nas.reporting import TrialReport, choose_best, intervals_of, searches_below_teacher
from nas.study import StudyAttributes

if TYPE_CHECKING:
    from nas.study import StudyStore

INK, FAINT, BLUE, ORANGE, RED = "#333f48", "#b8c1c8", "#2a78c2", "#e07b00", "#c8342b"


def measured(reports: Iterable[TrialReport]) -> list[TrialReport]:
    """Every COMPLETE trial, and every PRUNED one that finished a rung; without replicates."""
    found = [t for t in reports if t.replicate_of is None]
    return [t for t in found if t.state in ("COMPLETE", "PRUNED") and finite(t.point)]


def pareto_figure(store: StudyStore, reports: Iterable[TrialReport], budget_macs: float | None) -> go.Figure:
    """Distance against MACs: finished trials with their 90 % intervals, stopped ones (faint), baselines, the
    front, the budget and the teacher, as a line where it does not fit the budget.

    Args:
        store: the study.
        reports: its trials.
        budget_macs: the limit, drawn as a vertical line; the front and the best keep to it.
    """
    reports = list(reports)
    trials = measured(reports)
    chosen = choose_best(trials, budget_macs)
    pruned = [t for t in trials if t.state == "PRUNED"]
    students = [t for t in trials if t.state == "COMPLETE" and t.baseline is None]
    baselines = [t for t in trials if t.state == "COMPLETE" and t.baseline is not None]
    most_expensive = max((t.point[0] for t in trials), default=math.inf)
    # A budget far above every trial would compress the plot: it is named, not drawn.
    drawn = budget_macs if budget_macs is not None and budget_macs <= 3 * most_expensive else None
    teacher, distance = known_teacher(store), StudyAttributes.from_study(store.study).distance
    known = [] if teacher is None else [teacher]
    level = None if known or not trials else _teacher_beyond(store)
    xs = [t.point[0] for t in trials] + ([drawn] if drawn is not None else []) + [macs for macs, _ in known]
    ys = [t.point[1] for t in trials] + [fid for _, fid in known]
    ys += [] if level is None else [level[1]]

    ring = {"symbol": "circle-open"}
    dot = {"size": 9, "line": {"width": 1, "color": "white"}}
    figure = go.Figure()
    faint = ring | {"size": 7, "color": FAINT}
    figure.add_trace(_points(pruned, distance, "stopped early", faint))
    diamond = dot | {"symbol": "diamond", "size": 12}
    for some, name, marker, colour in (
        (students, "finished", dot, BLUE),
        (baselines, "baseline", diamond, ORANGE),
    ):
        points = _points(some, distance, name, marker | {"color": colour})
        figure.add_trace(points.update(error_y=_intervals(some, reports, colour)))
    if chosen.best is not None:
        best = chosen.best
        front = [t.point for t in chosen.front]
        front += [(macs, fid) for macs, fid in known if chosen.leaves(fid)]
        figure.add_trace(_steps(front, end=max(front[-1][0], drawn or most_expensive)))
        highlight = ring | {"size": 18, "color": RED, "line": {"width": 3}}
        figure.add_trace(_points([best], distance, f"best: trial {best.number}", highlight))
    if teacher is not None:
        figure.add_trace(_teacher_point(*teacher, distance))
    if level is not None:
        figure.add_trace(_teacher_line(*level, ends=(min(xs), max(xs))))
    if drawn is not None:
        figure.add_vline(x=drawn, line={"color": RED, "dash": "dash", "width": 1.5})
        figure.add_annotation(
            x=math.log10(drawn) if _wide(xs) else drawn,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"budget {format_quantity(drawn)}",
            showarrow=False,
            font={"color": RED},
        )
    beyond = f" (budget {format_quantity(budget_macs)})" if budget_macs is not None and drawn is None else ""
    bars = ", bars: 90 % intervals" if students or baselines else ""
    figure.update_layout(
        title={"text": f"{distance} against MACs{beyond}{bars}", "x": 0.02},  # its right is the toolbar\'s
        template=None,  # plotly's own would be most of what is stored
        font={"color": INK, "size": 13},
        paper_bgcolor="white",
        plot_bgcolor="white",
        xaxis=axis("MACs of one image (fvcore)", xs),
        yaxis=axis(f"{distance}, lower is better", ys),
        legend={"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        margin={"t": 60, "b": 130, "l": 70, "r": 30},
    )
    if not xs or not ys:
        _say_that_there_is_nothing(figure, budget_macs)
    return figure


def _say_that_there_is_nothing(figure: go.Figure, budget_macs: float | None) -> None:
    """An empty plot up to the budget: plotly would make up distances below 0."""
    figure.update_yaxes(range=[0, 1], showticklabels=False)
    figure.update_xaxes(range=[0, 1.1 * (budget_macs or 1)])
    figure.add_annotation(
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        text="no student is finished yet",
        showarrow=False,
    )


def known_teacher(store: StudyStore) -> tuple[float, float] | None:
    """MACs and distance of a teacher that fits the budget: a result that is known without a training."""
    attributes = StudyAttributes.from_study(store.study)
    if not searches_below_teacher(attributes):
        return None
    return attributes.teacher_info["macs"], attributes.teacher_info["fid"]


def _teacher_point(macs: float, fid: float, distance: str) -> go.Scatter:
    return go.Scatter(
        x=[macs],
        y=[fid],
        mode="markers",
        marker={"symbol": "star", "size": 14, "color": INK},
        name="teacher",
        hovertemplate=f"<b>teacher</b><br>{distance} {fid:.2f}<br>"
        f"{format_quantity(macs)} MACs<extra></extra>",
    )


def _teacher_beyond(store: StudyStore) -> tuple[float, float] | None:
    """MACs and distance of a teacher that does not fit the budget; None where it has no distance above 0."""
    teacher = StudyAttributes.from_study(store.study).teacher_info
    macs, fid = teacher.get("macs"), teacher.get("fid")
    return (macs, fid) if macs and fid and 0 < fid < math.inf else None


def _teacher_line(macs: float, fid: float, ends: tuple[float, float]) -> go.Scatter:
    """The teacher's distance, from the first to the last of what is drawn and a little beyond."""
    return go.Scatter(
        x=[0.98 * ends[0], 1.02 * ends[1]],
        y=[fid, fid],
        mode="lines",
        line={"color": INK, "width": 1.5, "dash": "dot"},
        name=f"teacher: {fid:.2f} at {format_quantity(macs)} MACs",
        hoverinfo="skip",
    )


def _intervals(trials: Sequence[TrialReport], reports: Sequence[TrialReport], colour: str) -> dict[str, Any]:
    """The error bars of `trials`: 90 % intervals of their medians."""
    known = intervals_of(reports)
    above, below = [], []
    for trial in trials:
        centre = trial.point[1]
        low, high = known.get(trial.number, (centre, centre))
        above.append(high - centre)
        below.append(centre - low)
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": colour,
        "thickness": 1,
        "width": 3,
    }


def _steps(ordered: Sequence[tuple[float, float]], end: float) -> go.Scatter:
    """The lowest distance to be had at every number of MACs, up to `end`; `ordered` is cheapest first."""
    return go.Scatter(
        x=[*(macs for macs, _ in ordered), end],
        y=[*(fid for _, fid in ordered), ordered[-1][1]],
        mode="lines",
        line={"shape": "hv", "color": BLUE, "width": 2},
        name="front",
        hoverinfo="skip",
    )


def axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """An axis for `values`: logarithmic where they would crowd together."""
    axis: dict[str, Any] = {
        "title": {"text": title, "standoff": 12},
        "gridcolor": "#e6eaed",
        "linecolor": INK,
        "ticks": "outside",
        "zeroline": False,
        "tickformat": "~s",
    }
    if _wide(values):
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        ticks = [digit * 10.0**power for power in range(low, high + 1) for digit in (1, 2, 5)]
        axis |= {"type": "log", "tickvals": ticks, "ticktext": [format_quantity(tick) for tick in ticks]}
    return axis


def _points(trials: Sequence[TrialReport], distance: str, name: str, marker: dict[str, Any]) -> go.Scatter:
    # Lists, not arrays: plotly would write arrays in a binary form that not every plotly.js reads.
    return go.Scatter(
        x=[t.point[0] for t in trials],
        y=[t.point[1] for t in trials],
        mode="markers",
        marker=marker,
        name=name,
        text=[_hover(t, distance) for t in trials],
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(trial: TrialReport, distance: str) -> str:
    lines = [f"<b>trial {trial.number}</b>" + (f", baseline {trial.baseline}" if trial.baseline else "")]
    runs = f", median of {len(trial.fids)} trainings" if len(trial.fids) > 1 else ""
    lines += [f"{distance} {trial.median:.2f} (N = {trial.samples or '?'}{runs})"]
    if trial.state == "PRUNED":
        lines += [f"stopped at rung {trial.rungs[-1].rung + 1}: a low-fidelity {distance}"]
    lines += [f"{format_quantity(trial.macs)} MACs, {format_quantity(trial.params)} parameters"]
    text = trial.summary
    lines += [text[start : start + 80] for start in range(0, len(text), 80)]
    return "<br>".join(lines)


def _wide(values: Sequence[float]) -> bool:
    """Whether most values would crowd together on a linear axis."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > 8
