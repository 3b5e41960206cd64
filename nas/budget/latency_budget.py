"""The latency budget: architectures are measured, and narrowed where they are too slow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from optuna.trial import FrozenTrial

from nas.budget.latency import Stopwatch
from nas.budget.limits import format_duration
from nas.errors import BudgetError
from search_spaces import Architecture, Generator, SameAnswers, SearchSpace, Suggest, Utilisation

ATTEMPTS = 6  # at one proposal, narrower each time
SPARE = 1.05  # cheaper than in proportion by this
MARGIN = 1.2  # what a limit should be above the smallest student's latency: measurements vary


class AnyLatency:
    """No limit: nothing is measured."""

    def check_smallest(self, space: SearchSpace) -> None:
        """Nothing is too slow."""

    def fit(self, space: SearchSpace, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        """The architecture of these choices."""
        return space.sample(suggest, utilisation)

    def fits(self, architecture: Architecture) -> bool:
        """Whether the latency of `architecture` is within the limit."""
        return True

    def notes(self, architecture: Architecture) -> dict[str, Any]:
        """The latency of `architecture`, as its trial records it."""
        return {}

    def remember(self, trials: Iterable[FrozenTrial]) -> None:
        """Take over the latencies that earlier runs measured."""


class LatencyBudget:
    """A limit for one image, in seconds, and the latencies measured so far: each architecture once."""

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
        """The architecture of these choices, narrowed while it is too slow; it may still be: see `fits`."""
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
            with torch.random.fork_rng(devices=[]):  # its weights are nobody's start
                generator = self._build(architecture)
            self._measured[name] = self._stopwatch.seconds(generator)
        return self._measured[name]

    def notes(self, architecture: Architecture) -> dict[str, Any]:
        """The latency of `architecture`, as its trial records it."""
        return {"latency": self.seconds(architecture), "latency_on": self._stopwatch.name}

    def remember(self, trials: Iterable[FrozenTrial]) -> None:
        """Take over the latencies that earlier runs measured on the same hardware or runtime."""
        for notes in (t.user_attrs for t in trials):
            name = notes.get("architecture", notes.get("too_slow"))
            if name is not None and notes.get("latency_on") == self._stopwatch.name:
                self._measured[name] = notes["latency"]


Latency: TypeAlias = LatencyBudget | AnyLatency


def _times(excess: float, utilisation: Utilisation) -> Utilisation:
    return lambda architecture: excess * utilisation(architecture)


def _round_up(seconds: float) -> str:
    """A short duration that is not below `seconds`."""
    digit = 10 ** (math.floor(math.log10(seconds)) - 1)
    return format_duration(math.ceil(seconds / digit) * digit)
