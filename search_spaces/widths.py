"""Widths of students: on a grid below the teacher's, and scaled together until a budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

from search_spaces.base import Architecture

A = TypeVar("A", bound=Architecture)

MIN_BUDGET_FRACTION = 0.25  # of the budget; the front is searched between this share and all of it
MIN_RELATIVE_WIDTH = 0.25  # of the teacher's, before all are scaled together

STEPS = 32  # a width is a multiple of the teacher's divided by this, where a family has no finer grid …
MIN_CHANNELS = 4  # … and of this, where it has no other minimum
BISECTIONS = 16  # of the common scale: steps far below the grid of any width


def width_step(teacher_channels: int, steps: int = STEPS, least: int = MIN_CHANNELS) -> int:
    """Granularity of widths below a teacher's; `least` is the narrowest that a family's layers may be."""
    return min(teacher_channels, max(least, teacher_channels // steps))


def snap_width(channels: float, teacher_channels: int, steps: int = STEPS, least: int = MIN_CHANNELS) -> int:
    """The nearest width of the grid, at least one step and at most the teacher's, which need not be on it."""
    if round(channels) >= teacher_channels:
        return teacher_channels
    step = width_step(teacher_channels, steps, least)
    return min(teacher_channels, max(step, round(channels / step) * step))


def spend(
    share: float,
    utilisation: Callable[[A], float],
    scaled: Callable[[float], A],
    relative: Sequence[float],
    simpler: Callable[[A], Iterable[A]],
) -> A:
    """The widest architecture within `share` of the budget; a simpler one where even that is over it.

    Args:
        share: of the budget.
        utilisation: of an architecture, by the budget; increasing in widths.
        scaled: see `widest`.
        relative: see `widest`.
        simpler: ever cheaper variants of an architecture; the last one is taken when none fits.
    """
    fitted = widest(scaled, relative, lambda architecture: utilisation(architecture) <= share)
    for found in chain([fitted], simpler(fitted)):
        if utilisation(found) <= 1:
            break
    return found


def widest(scaled: Callable[[float], A], relative: Sequence[float], fits: Callable[[A], bool]) -> A:
    """`scaled(scale)` at the largest scale that fits; at scale 0 if none does.

    Args:
        scaled: an architecture whose widths are the teacher's times `relative` times the scale, where that is
            below the teacher's.
        relative: widths relative to the teacher's, before scaling.
        fits: true up to some scale, false beyond it.
    """
    low, high = 0.0, 1.0 / min(relative)  # at `high` every width is the teacher's
    if fits(scaled(high)):
        return scaled(high)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(scaled(middle)) else (low, middle)
    return scaled(low)
