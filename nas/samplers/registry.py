"""Optuna samplers by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.errors import ConfigError
from nas.ranking import RungBoard
from nas.samplers.gp import SurrogateSampler
from nas.samplers.joint import SearchedChoices
from search_spaces import SearchSpace, Utilisation

MakeSampler: TypeAlias = Callable[[int, SearchSpace, Utilisation, RungBoard], BaseSampler]
"""Of a seed, what is searched, what fits, and the results at every rung."""


def _tpe(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    # Widths of neighbouring resolutions belong together (multivariate; grouped, because spaces are
    # conditional), and several candidates train at once (constant_liar).
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def _nsga2(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    # The first generation is random: Optuna's 50 would make most searches nothing else.
    return _NSGAII(seed=seed, population_size=20)


class _NSGAII(NSGAIISampler):
    """Optuna's NSGA-II; warm-start trials, which have no choices, do not empty its search space."""

    def __init__(self, *, seed: int, population_size: int) -> None:
        super().__init__(seed=seed, population_size=population_size)
        self._choices = SearchedChoices()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        # Optuna's crossover can't transform a choice that has a single value.
        return {name: among for name, among in self._choices.calculate(study).items() if not among.single()}


def _random(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    return RandomSampler(seed=seed)


SAMPLERS: dict[str, MakeSampler] = {
    "gp": SurrogateSampler,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
}


def check_sampler(name: str, among: Mapping[str, MakeSampler] = SAMPLERS) -> None:
    """Raise ConfigError when there is no sampler called `name`."""
    if name not in among:
        raise ConfigError(f"--sampler {name}: choose one of {', '.join(among)}")


def make_sampler(
    name: str,
    seed: int,
    space: SearchSpace,
    utilisation: Utilisation,
    board: RungBoard,
    among: Mapping[str, MakeSampler] = SAMPLERS,
) -> BaseSampler:
    """The sampler called `name`.

    Args:
        name: a key of `among`.
        seed: of this run; see `resume_seed`.
        space, utilisation, board: what is searched, what fits, and the results at every rung.
        among: the samplers to choose from; the service's by default.

    Raises:
        ConfigError: there is no such sampler.
    """
    check_sampler(name, among)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return among[name](seed, space, utilisation, board)


def resume_seed(seed: int, trials: int) -> int:
    """Seed of a sampler that joins a study of `trials` trials.

    Random numbers start again in each run: with the same seed, a resumed search would repeat its proposals.
    """
    if seed < 0:
        raise ConfigError(f"--seed {seed}: give 0 or more")
    return int(np.random.SeedSequence([seed, trials]).generate_state(1)[0])
