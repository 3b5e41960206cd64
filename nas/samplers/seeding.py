"""Random numbers of a trial: a function of the seed and its number, so that a resumed search is the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from distill.seeds import derive_seed


def trial_seed(seed: int, trial: FrozenTrial, choice: str = "") -> int:
    """The seed of what is sampled for `trial`: of all choices together, or of one that is sampled alone.

    A choice has a seed of its own because a trial that was interrupted while it was sampled keeps the choices
    that it has, and only the others are sampled again.
    """
    return derive_seed(seed, f"trial {trial.number} {choice}")


class SeededByTrial(BaseSampler):
    """One of Optuna's samplers, made anew for each trial with a seed of that trial."""

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make, self._seed = make, seed
        self._number: int | None = None  # of the trial that `_current` is for
        self._current: BaseSampler = make(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        alone = self._make(trial_seed(self._seed, trial, param_name))
        return alone.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._of(trial).after_trial(study, trial, state, values)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        """The sampler of `trial`: what it infers of the study is kept until it samples."""
        if self._number != trial.number:
            self._number, self._current = trial.number, self._make(trial_seed(self._seed, trial))
        return self._current
