"""Architectures as a model takes them: their choices in [0, 1], and their costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from search_spaces import Architecture, FixedSuggest, SearchSpace, Utilisation


class Encoded(NamedTuple):
    """One architecture."""

    choices: dict[str, Any]
    vector: list[float]  # of one length in a space without conditional choices
    macs: float  # logarithm


class Encoder:
    """Encodes by the choices, and by the logarithms of MACs and parameters relative to the largest student's.

    A trial is encoded once: its choices do not change any more once it has all of them.
    """

    def __init__(self, space: SearchSpace, utilisation: Utilisation) -> None:
        self._space, self._utilisation = space, utilisation
        self._trials: dict[int, Encoded] = {}  # by number, under `_distributions`
        self._distributions: dict[str, BaseDistribution] = {}
        self.largest = self._costs(space.largest())

    def architecture(self, choices: Mapping[str, Any]) -> Architecture:
        """The architecture of these choices."""
        return self._space.sample(FixedSuggest(choices), self._utilisation)

    def of_trials(
        self, trials: list[FrozenTrial], distributions: dict[str, BaseDistribution]
    ) -> list[Encoded]:
        """The architectures of trials that have made all choices of `distributions`."""
        if distributions != self._distributions:
            self._trials, self._distributions = {}, dict(distributions)
        for trial in trials:
            if trial.number not in self._trials:
                made = trial.params
                self._trials[trial.number] = self.of(made, self.architecture(made), distributions)
        return [self._trials[trial.number] for trial in trials]

    def of(
        self,
        choices: dict[str, Any],
        architecture: Architecture,
        distributions: Mapping[str, BaseDistribution],
    ) -> Encoded:
        """The `architecture` of `choices`."""
        vector: list[float] = []
        for name, distribution in distributions.items():
            vector += _encoded(choices[name], distribution)
        macs, params = self._costs(architecture)
        return Encoded(choices, [*vector, macs - self.largest[0], params - self.largest[1]], macs)

    def _costs(self, architecture: Architecture) -> tuple[float, float]:
        """log MACs and log parameters."""
        return math.log(self._space.macs(architecture)), math.log(self._space.params(architecture))


def _encoded(value: Any, distribution: BaseDistribution) -> list[float]:
    """One choice: a number in [0, 1], or a one-hot vector; nothing where there is a single value."""
    if isinstance(distribution, CategoricalDistribution):
        hot = [float(choice == value) for choice in distribution.choices]
        return hot[1:] if len(hot) == 2 else hot
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = float(distribution.low), float(distribution.high)
    if low == high:
        return []
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return [(value - low) / (high - low)]
