"""Regularised evolution (Real et al. 2019, arXiv 1802.01548) for two objectives, to compare with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.pareto import crowding, nondominated_ranks

POPULATION = 20  # the youngest that were trained to the end; older ones have died
TOURNAMENT = 5


class RegularizedEvolution(BaseSampler):
    """A random tournament among the youngest; its winner, by front and spread, is mutated in one choice."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._random = RandomSampler(seed=seed)
        self._choices = IntersectionSearchSpace()

    def reseed_rng(self) -> None:
        self._rng = np.random.default_rng()
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._choices.calculate(study)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        young = [t for t in complete if search_space.keys() <= t.params.keys()][-POPULATION:]
        if len(young) < POPULATION or not search_space:
            return {}
        picked = self._rng.choice(len(young), TOURNAMENT, replace=False)
        parent = _fittest([young[i] for i in picked]).params
        name = self._rng.choice(sorted(search_space))
        return {**{n: parent[n] for n in search_space}, name: draw(search_space[name], self._rng)}


def _fittest(trials: list[FrozenTrial]) -> FrozenTrial:
    points = [(t.values[0], t.values[1]) for t in trials]
    ranks, spread = nondominated_ranks(points), crowding(points)
    return min(zip(ranks, (-s for s in spread), points, trials, strict=True), key=lambda entry: entry[:3])[3]


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """A uniform, or log-uniform, choice."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high + 1))
    assert isinstance(distribution, FloatDistribution)
    if distribution.log:
        return math.exp(rng.uniform(math.log(distribution.low), math.log(distribution.high)))
    return float(rng.uniform(distribution.low, distribution.high))
