"""The latency budget: measure architectures, and narrow those that are too slow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from nas.budget.latency import Stopwatch
from nas.budget.limits import format_duration
from nas.errors import BudgetError
from search_spaces import Architecture, Generator, SameAnswers, SearchSpace, Suggest, Utilisation

ATTEMPTS = 6  # per proposal, each with narrower widths
SPARE = 1.05  # extra factor below proportional
MARGIN = 1.2  # suggested limit / latency of the smallest student, as measurements vary


@dataclass(frozen=True)
class LatencyMeasurement:
    """Latency of one architecture, if it was measured."""

    seconds: float | None = None  # for one image
    device: str | None = None


class AnyLatency:
    """No limit: nothing is measured."""

    def check_smallest(self, space: SearchSpace) -> None:
        """Nothing to check."""

    def fit(self, space: SearchSpace, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        """The architecture of these choices."""
        return space.sample(suggest, utilisation)

    def fits(self, architecture: Architecture) -> bool:
        """Whether the latency of `architecture` is within the limit."""
        return True

    def measurement(self, architecture: Architecture) -> LatencyMeasurement:
        """The latency of `architecture`, not measured."""
        return LatencyMeasurement()

    def remember(self, measured: Iterable[tuple[str, LatencyMeasurement]]) -> None:
        """Add the measurements of earlier runs, by canonical string."""


class LatencyBudget:
    """A limit for one image, seconds, and the latency of every architecture measured so far."""

    def __init__(self, limit: float, stopwatch: Stopwatch, build: Callable[[Any], Generator]) -> None:
        self.limit, self._stopwatch, self._build = limit, stopwatch, build
        self._measured: dict[str, float] = {}

    def check_smallest(self, space: SearchSpace) -> None:
        """Measure the smallest student.

        Raises:
            BudgetError: even that one is too slow.
        """
        smallest = self.seconds(space.smallest())
        if smallest > self.limit:
            raise BudgetError(
                f"--budget-latency {format_duration(self.limit)} is below the smallest student, "
                f"{format_duration(smallest)} ({self._stopwatch.name}): "
                f"give at least {_round_up(MARGIN * smallest)}"
            )

    def fit(self, space: SearchSpace, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        """The architecture of these choices, narrowed while it is too slow; `fits` checks the result."""
        same = SameAnswers(suggest)
        architecture, excess = space.sample(same, utilisation), 1.0
        for step in range(1, ATTEMPTS):
            if self.fits(architecture):
                break
            # First in proportion, then ever more boldly: part of a latency is there whatever the widths, and
            # a space does not get cheaper with every step.
            excess *= max(step - 1, (SPARE * self.seconds(architecture) / self.limit) ** step)
            architecture = space.sample(same, _times(excess, utilisation))
        return architecture

    def fits(self, architecture: Architecture) -> bool:
        """Whether the latency of `architecture` is within the limit."""
        return self.seconds(architecture) <= self.limit

    def seconds(self, architecture: Architecture) -> float:
        """The latency of `architecture`."""
        name = str(architecture)
        if name not in self._measured:
            with torch.random.fork_rng(devices=[]):  # its weights are discarded
                generator = self._build(architecture)
            self._measured[name] = self._stopwatch.seconds(generator)
        return self._measured[name]

    def measurement(self, architecture: Architecture) -> LatencyMeasurement:
        """The latency of `architecture`, with the device."""
        return LatencyMeasurement(self.seconds(architecture), self._stopwatch.name)

    def remember(self, measured: Iterable[tuple[str, LatencyMeasurement]]) -> None:
        """Add the measurements of earlier runs on the same device, by canonical string."""
        for architecture, latency in measured:
            if latency.seconds is not None and latency.device == self._stopwatch.name:
                self._measured[architecture] = latency.seconds


Latency: TypeAlias = LatencyBudget | AnyLatency


def _times(excess: float, utilisation: Utilisation) -> Utilisation:
    return lambda architecture: excess * utilisation(architecture)


def _round_up(seconds: float) -> str:
    """`seconds` rounded up to a short duration."""
    digit = 10 ** (math.floor(math.log10(seconds)) - 1)
    return format_duration(math.ceil(seconds / digit) * digit)
