"""Optuna samplers by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.errors import ConfigError
from nas.ranking import RungBoard
from nas.samplers.gp import SurrogateSampler
from nas.samplers.joint import SearchedChoices
from nas.samplers.seeding import SeededByTrial
from search_spaces import SearchSpace, Utilisation

MakeSampler: TypeAlias = Callable[[int, SearchSpace, Utilisation, RungBoard], BaseSampler]
"""Of a seed, what is searched, what fits, and the results at every rung."""


def _tpe(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    # Widths of neighbouring resolutions belong together (multivariate; grouped, because spaces are
    # conditional), and several candidates train at once (constant_liar).
    return SeededByTrial(partial(_quiet_tpe, multivariate=True, group=True, constant_liar=True), seed)


def _quiet_tpe(seed: int, **settings: Any) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, **settings)


def _nsga2(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    # The first generation is random: Optuna's 50 would make most searches nothing else.
    return SeededByTrial(partial(_NSGAII, population_size=20, choices=SearchedChoices()), seed)


class _NSGAII(NSGAIISampler):
    """Optuna's NSGA-II; warm-start trials, which have no choices, do not empty its search space."""

    def __init__(self, seed: int, *, population_size: int, choices: SearchedChoices) -> None:
        super().__init__(seed=seed, population_size=population_size)
        self._choices = choices  # counted once for all trials

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        # Optuna's crossover can't transform a choice that has a single value.
        return {name: among for name, among in self._choices.calculate(study).items() if not among.single()}


def _random(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    return SeededByTrial(RandomSampler, seed)


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
        seed: of the search: what is proposed is a function of it, of the trial's number and of the study.
        space, utilisation, board: what is searched, what fits, and the results at every rung.
        among: the samplers to choose from; the service's by default.

    Raises:
        ConfigError: there is no such sampler, or the seed is negative.
    """
    check_sampler(name, among)
    if seed < 0:
        raise ConfigError(f"--seed {seed}: give 0 or more")
    return among[name](seed, space, utilisation, board)
