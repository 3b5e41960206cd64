"""Optuna samplers by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.errors import ConfigError
from nas.ranking import RungBoard
from nas.samplers.evolution import RegularizedEvolution
from nas.samplers.gp import SurrogateSampler
from nas.samplers.joint import SearchedChoices
from search_spaces import SearchSpace, Utilisation


def _tpe(seed: int) -> BaseSampler:
    # Widths of neighbouring resolutions depend on each other (multivariate; grouped, because spaces are
    # conditional), and several candidates train in parallel (constant_liar).
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def _nsga2(seed: int) -> BaseSampler:
    # The first generation is random: with Optuna's 50, most searches would be random only.
    return _NSGAII(seed=seed, population_size=20)


class _NSGAII(NSGAIISampler):
    """Optuna's NSGA-II; warm-start trials, which have no choices, do not empty its search space."""

    def __init__(self, *, seed: int, population_size: int) -> None:
        super().__init__(seed=seed, population_size=population_size)
        self._choices = SearchedChoices()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        # Optuna's crossover can't transform a choice that has a single value.
        return {name: among for name, among in self._choices.calculate(study).items() if not among.single()}


def _random(seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


OTHERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
    "evolution": RegularizedEvolution,
}
SAMPLERS = ("gp", *OTHERS)


def check_sampler(name: str) -> None:
    """Raise ConfigError when there is no sampler called `name`."""
    if name not in SAMPLERS:
        raise ConfigError(f"unknown sampler {name!r}: choose one of {', '.join(SAMPLERS)}")


def make_sampler(
    name: str, seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard
) -> BaseSampler:
    """The sampler called `name`.

    Args:
        name: one of `SAMPLERS`.
        seed: of this run; see `resume_seed`.
        space, utilisation: the search space and the budget.
        board: the results at every rung.

    Raises:
        ConfigError: there is no such sampler.
    """
    check_sampler(name)
    if name == "gp":
        return SurrogateSampler(seed, space, utilisation, board)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return OTHERS[name](seed)


def resume_seed(seed: int, trials: int) -> int:
    """Seed of a sampler that joins a study of `trials` trials.

    Random numbers start again in each run: with the same seed, a resumed search would repeat its proposals.
    """
    if seed < 0:
        raise ConfigError(f"seed {seed} is negative: give 0 or more")
    return int(np.random.SeedSequence([seed, trials]).generate_state(1)[0])
