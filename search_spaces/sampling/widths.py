"""Widths of students: on a grid below the teacher's, and scaled together to a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from search_spaces.architecture import Architecture

A = TypeVar("A", bound=Architecture)

STEPS = 32  # of the grid of most families, between 0 and the teacher's width
MIN_CHANNELS = 4  # narrowest layer of most families
BISECTIONS = 16  # of the common scale: steps far below the grid of any width


@dataclass(frozen=True)
class WidthGrid:
    """The widths that a layer may have: multiples of a step, and the teacher's own."""

    steps: int = STEPS
    min_channels: int = MIN_CHANNELS

    def step(self, teacher_channels: int) -> int:
        """The narrowest width below a teacher's, channels; all others are multiples of it."""
        return min(teacher_channels, max(self.min_channels, teacher_channels // self.steps))

    def snap(self, channels: float, teacher_channels: int) -> int:
        """The nearest width of the grid: at least one step, at most the teacher's."""
        if round(channels) >= teacher_channels:
            return teacher_channels
        step = self.step(teacher_channels)
        return min(teacher_channels, max(step, round(channels / step) * step))


def scale_to_budget(
    budget_fraction: float,
    utilisation: Callable[[A], float],
    scaled: Callable[[float], A],
    relative: Sequence[float],
    simpler: Callable[[A], Iterable[A]],
) -> A:
    """The widest architecture with `utilisation <= budget_fraction`; a simpler one where none fits.

    Args:
        budget_fraction: target utilisation, in (0, 1].
        utilisation: of an architecture under the budget; it rises with widths.
        scaled: see `widest`.
        relative: see `widest`.
        simpler: ever cheaper variants of an architecture; the last one is taken when none fits.
    """
    fitted = widest(scaled, relative, lambda architecture: utilisation(architecture) <= budget_fraction)
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
