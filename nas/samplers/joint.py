"""The base of samplers that make all choices of a trial at once, from the finished trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class SearchedChoices:
    """The choices that all COMPLETE trials of a study have in common, with their distributions.

    Optuna's own intersection counts warm-start trials, too. These made no choice: after the first of them the
    intersection is empty, and a sampler learns nothing more.
    """

    def __init__(self) -> None:
        self._found: dict[str, BaseDistribution] | None = None
        self._counted: set[int] = set()  # trials

    def calculate(self, study: Study) -> dict[str, BaseDistribution]:
        """By name, in alphabetical order; of one and the same study each time."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            made = trial.distributions
            if trial.number in self._counted or not made:
                continue
            self._counted.add(trial.number)
            known = made if self._found is None else self._found
            self._found = {name: known[name] for name in sorted(known) if made.get(name) == known[name]}
        return dict(self._found or {})


class JointSampler(BaseSampler):
    """Chooses at random, until `sample_relative` of a subclass knows better."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._random = RandomSampler(seed=seed)
        self._choices = SearchedChoices()

    def reseed_rng(self) -> None:
        self._rng = np.random.default_rng()
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._choices.calculate(study)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)


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
