"""A plot as pixels, for where a page with scripts can't go: a README, an issue, a slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from PIL import Image, ImageColor, ImageDraw, ImageFont

from nas.budget import format_quantity

WIDTH, HEIGHT = 1000, 640  # px
FINER = 2  # drawn so much larger, then reduced: smooth lines
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 60, 110
TEXT, TITLE = 16, 20
TICK = 6
DASH = 7
TICKS = 6  # on a linear axis, about
MARGIN = 0.06  # of an axis, beyond its values
FAINT_LINE = "#e6eaed"
INK = "#333f48"


@dataclass(frozen=True)
class _Axis:
    """Where values are, in pixels."""

    low: float  # of the values, or of their logarithms
    high: float
    start: float  # pixel of `low`
    end: float
    is_log: bool
    ticks: Sequence[tuple[float, str]]

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.is_log else value
        return self.start + (at - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def shown(self) -> list[tuple[float, str]]:
        """Ticks within it, with their pixels."""
        found = [(self(value), words) for value, words in self.ticks if value > 0 or not self.is_log]
        least, most = sorted((self.start, self.end))
        return [(at, words) for at, words in found if least <= at <= most]


def draw_figure(figure: go.Figure) -> Image.Image:
    """The picture (WIDTH × HEIGHT px, RGB) of a figure of markers and lines, such as `pareto_figure`.

    What it understands: scatter traces with markers, error bars or lines (straight or in steps), vertical
    lines, one annotation, titles, legend, linear and logarithmic axes.
    """
    canvas = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), "white")
    draw = ImageDraw.Draw(canvas)
    traces = [trace for trace in figure.data if len(trace.x or ())]
    lines = [shape.x0 for shape in figure.layout.shapes]
    xs = [x for trace in traces for x in trace.x if x is not None] + lines
    ys = [y for trace in traces for y in trace.y if y is not None]
    ys += [end for trace in traces for end in _ends(trace)]
    x = _axis(figure.layout.xaxis, xs, LEFT, WIDTH - RIGHT)
    y = _axis(figure.layout.yaxis, ys, HEIGHT - BOTTOM, TOP)
    _draw_axes(canvas, figure, x, y)
    for shape in figure.layout.shapes:
        _dashed(draw, x(shape.x0), shape.line.color)
    for trace in sorted(traces, key=lambda each: each.mode != "lines"):  # markers above lines
        _draw_trace(draw, trace, x, y)
    for note in figure.layout.annotations:
        _draw_note(draw, note, x(lines[0]) if lines else None)
    _draw_legend(draw, traces)
    return canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _ends(trace: Any) -> list[float]:
    """The lower and upper ends of a trace's error bars."""
    bars = trace.error_y
    above = [value + reach for value, reach in zip(trace.y, bars.array or (), strict=False)]
    return above + [value - reach for value, reach in zip(trace.y, bars.arrayminus or (), strict=False)]


def _axis(layout: Any, values: Sequence[float], start: float, end: float) -> _Axis:
    is_log = layout.type == "log" and bool(values)
    known = list(map(math.log10, values)) if is_log else list(values)
    if layout.range:
        low, high = layout.range
    else:
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        beyond = MARGIN * (high - low) or 0.5 * abs(high) or 0.5
        low, high = low - beyond, high + beyond
        if not is_log and min(known, default=0) >= 0:
            low = max(0.0, low)
    if is_log:
        ticks = list(zip(layout.tickvals, layout.ticktext, strict=True))
    else:
        ticks = [] if layout.showticklabels is False else _round_ticks(low, high)
    return _Axis(low, high, start, end, is_log, ticks)


def _round_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round values from `low` to `high`, as they are written."""
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    values = [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [(value, format_quantity(value)) for value in values]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * FINER)


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, anchor: str, size: int = TEXT, **more: Any
) -> None:
    draw.text((at[0] * FINER, at[1] * FINER), words, anchor=anchor, font=_font(size), **{"fill": INK, **more})


def _line(
    draw: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: str, width: float = 1
) -> None:
    scaled = [(FINER * px, FINER * py) for px, py in points]
    draw.line(scaled, fill=ImageColor.getrgb(colour), width=max(1, round(FINER * width)), joint="curve")


def _draw_axes(canvas: Image.Image, figure: go.Figure, x: _Axis, y: _Axis) -> None:
    draw, layout, bottom = ImageDraw.Draw(canvas), figure.layout, HEIGHT - BOTTOM
    for at, words in x.shown:
        _line(draw, [(at, TOP), (at, bottom)], FAINT_LINE)
        _line(draw, [(at, bottom), (at, bottom + TICK)], INK)
        _write(draw, (at, bottom + TICK + 4), words, "ma")
    for at, words in y.shown:
        _line(draw, [(LEFT, at), (WIDTH - RIGHT, at)], FAINT_LINE)
        _line(draw, [(LEFT - TICK, at), (LEFT, at)], INK)
        _write(draw, (LEFT - TICK - 4, at), words, "rm")
    _line(draw, [(LEFT, TOP), (LEFT, bottom), (WIDTH - RIGHT, bottom)], INK)
    _write(draw, (LEFT, 30), layout.title.text or "", "lm", TITLE)
    _write(draw, ((LEFT + WIDTH - RIGHT) / 2, bottom + 34), layout.xaxis.title.text or "", "ma")
    _write_upwards(canvas, layout.yaxis.title.text or "")


def _write_upwards(canvas: Image.Image, words: str) -> None:
    """The name of the vertical axis, read from below."""
    font = _font(TEXT)
    _, _, width, height = font.getbbox(words)
    turned = Image.new("RGB", (round(width) + 8, round(height) + 8), "white")
    ImageDraw.Draw(turned).text((4, 2), words, font=font, fill=INK)
    turned = turned.rotate(90, expand=True)
    canvas.paste(turned, (8 * FINER, (FINER * (TOP + HEIGHT - BOTTOM) - turned.height) // 2))


def _draw_trace(draw: ImageDraw.ImageDraw, trace: Any, x: _Axis, y: _Axis) -> None:
    points = [(x(a), y(b)) for a, b in zip(trace.x, trace.y, strict=True)]
    if "lines" in trace.mode:
        if trace.line.shape == "hv":  # first along, then down
            corners = [(after[0], before[1]) for before, after in pairwise(points)]
            points = [point for pair in zip(points, [*corners, points[-1]], strict=True) for point in pair]
        _line(draw, points, trace.line.color, trace.line.width)
        return
    for value, above, below, (px, _) in zip(
        trace.y, trace.error_y.array or (), trace.error_y.arrayminus or (), points, strict=False
    ):
        _line(draw, [(px, y(value + above)), (px, y(value - below))], trace.error_y.color)
    for point in points:
        _draw_marker(draw, point, trace.marker)


def _draw_marker(draw: ImageDraw.ImageDraw, at: tuple[float, float], marker: Any) -> None:
    radius, colour = marker.size / 2 * FINER, ImageColor.getrgb(marker.color)
    px, py = at[0] * FINER, at[1] * FINER
    corners = {"diamond": 4, "star": 10}.get(marker.symbol)
    if corners is not None:
        reach = [radius * (0.45 if corners == 10 and number % 2 else 1.15) for number in range(corners)]
        turns = [2 * math.pi * number / corners - math.pi / 2 for number in range(corners)]
        tips = [
            (px + far * math.cos(turn), py + far * math.sin(turn))
            for far, turn in zip(reach, turns, strict=True)
        ]
        draw.polygon(tips, fill=colour, outline="white")
    elif marker.symbol == "circle-open":
        width = round(FINER * (marker.line.width or 1.5))
        draw.ellipse((px - radius, py - radius, px + radius, py + radius), outline=colour, width=width)
    else:
        draw.ellipse(
            (px - radius, py - radius, px + radius, py + radius), fill=colour, outline="white", width=FINER
        )


def _dashed(draw: ImageDraw.ImageDraw, at: float, colour: str) -> None:
    for start in range(TOP, HEIGHT - BOTTOM, 2 * DASH):
        _line(draw, [(at, start), (at, min(start + DASH, HEIGHT - BOTTOM))], colour, 1.5)


def _draw_note(draw: ImageDraw.ImageDraw, note: Any, at: float | None) -> None:
    """A word above a vertical line, or in the middle of an empty plot."""
    colour = note.font.color or INK
    if at is None:
        middle = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        _write(draw, middle, note.text, "mm", fill=colour)
        return
    half = draw.textlength(note.text, font=_font(TEXT)) / FINER / 2
    _write(draw, (min(at, WIDTH - half - 4), TOP - 4), note.text, "md", fill=colour)


def _draw_legend(draw: ImageDraw.ImageDraw, traces: Sequence[Any]) -> None:
    widths = [draw.textlength(trace.name, font=_font(TEXT)) / FINER + 56 for trace in traces]
    left, row = (WIDTH - sum(widths)) / 2, HEIGHT - 22
    for trace, width in zip(traces, widths, strict=True):
        if "lines" in trace.mode:
            _line(draw, [(left, row), (left + 24, row)], trace.line.color, trace.line.width)
        else:
            _draw_marker(draw, (left + 12, row), trace.marker)
        _write(draw, (left + 32, row), trace.name, "lm")
        left += width
