"""The base of our own Optuna samplers: they sample all choices of a trial jointly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.seeding import trial_seed


class SearchedChoices:
    """The choices that all COMPLETE trials of a study have in common, with their distributions.

    Optuna's own intersection includes warm-start trials. They have no choices, so the intersection would be
    empty after the first of them.
    """

    def __init__(self) -> None:
        self._found: dict[str, BaseDistribution] | None = None
        self._counted: set[int] = set()  # trials

    def calculate(self, study: Study) -> dict[str, BaseDistribution]:
        """The choices by name, in alphabetical order. `study` must be the same in every call."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            made = trial.distributions
            if trial.number in self._counted or not made:
                continue
            self._counted.add(trial.number)
            known = made if self._found is None else self._found
            self._found = {name: known[name] for name in sorted(known) if made.get(name) == known[name]}
        return dict(self._found or {})


class JointSampler(BaseSampler):
    """Samples at random where `sample_relative` of a subclass returns nothing."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._choices = SearchedChoices()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._choices.calculate(study)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return draw(param_distribution, self.rng_of(trial, param_name))

    def rng_of(self, trial: FrozenTrial, choice: str = "") -> np.random.Generator:
        """The random numbers of `trial`, see `trial_seed`."""
        return np.random.default_rng(trial_seed(self._seed, trial, choice))


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """A sample of `distribution`, uniform or log-uniform."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high + 1))
    assert isinstance(distribution, FloatDistribution)
    if distribution.log:
        return math.exp(rng.uniform(math.log(distribution.low), math.log(distribution.high)))
    return float(rng.uniform(distribution.low, distribution.high))
