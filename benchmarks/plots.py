"""Curves of a benchmark as a picture, drawn as the plots of a study are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLOURS = ("#1f6f8b", "#d1495b", "#66a182", "#edae49", "#5f4b8b", "#7a7a7a")
STEPS = ((1, 2, 5), range(1, 10), [1 + i / 5 for i in range(45)], [1 + i / 20 for i in range(180)])
"""First digits of a logarithmic axis's ticks, from few to many."""
LEAST_TICKS = 4


@dataclass(frozen=True)
class Curve:
    """Points (x, y); those that are not finite are left out."""

    name: str
    points: Sequence[tuple[float, float]]
    joined: bool = True  # by a line, in the order of x


def draw(
    path: Path, curves: Sequence[Curve], title: str, x: str, y: str, *, log_x: bool = True, log_y: bool = True
) -> None:
    """Write the picture of `curves`; logarithmic axes leave out what is not above 0."""
    import plotly.graph_objects as go

    from nas.plots import draw_figure

    figure = go.Figure()
    kept: list[tuple[float, float]] = []
    for number, curve in enumerate(curves):
        points = sorted(point for point in curve.points if _shown(point, log_x=log_x, log_y=log_y))
        kept += points
        colour = COLOURS[number % len(COLOURS)]
        xs, ys = [a for a, _ in points], [b for _, b in points]
        if curve.joined:
            figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": colour, "width": 2}, name=curve.name)
        else:
            marker = {"color": colour, "size": 9, "symbol": "circle"}
            figure.add_scatter(x=xs, y=ys, mode="markers", marker=marker, name=curve.name)
    figure.update_layout(title=title)
    figure.update_xaxes(title=x, **_axis([a for a, _ in kept], log=log_x))
    figure.update_yaxes(title=y, **_axis([b for _, b in kept], log=log_y))
    draw_figure(figure).save(path)


def _shown(point: tuple[float, float], *, log_x: bool, log_y: bool) -> bool:
    finite = all(value is not None and math.isfinite(value) for value in point)
    return finite and (point[0] > 0 or not log_x) and (point[1] > 0 or not log_y)


def _axis(values: Sequence[float], *, log: bool) -> dict[str, Any]:
    if not log or not values:
        return {}
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in STEPS:
        ticks = [step * 10.0**power for power in powers for step in steps]
        if sum(low <= tick <= high for tick in ticks) >= LEAST_TICKS:
            break
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
