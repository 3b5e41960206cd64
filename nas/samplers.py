"""Optuna samplers by name: what proposes the next architecture."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from nas.errors import ConfigError
from nas.evolution import RegularizedEvolution
from nas.halving import RungBoard
from nas.model_based import ModelBasedSampler
from search_spaces import Load, SearchSpace


def _tpe(seed: int) -> BaseSampler:
    # Widths of neighbouring resolutions belong together (multivariate; grouped, because spaces are
    # conditional), and several candidates train at once (constant_liar).
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def _nsga2(seed: int) -> BaseSampler:
    # The first generation is random: Optuna's 50 would make most searches nothing else.
    return NSGAIISampler(seed=seed, population_size=20)


def _random(seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _gp(seed: int) -> BaseSampler:
    missing = [package for package in ("scipy", "torch") if importlib.util.find_spec(package) is None]
    if missing:
        raise ConfigError(f"sampler 'gp' needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    return GPSampler(seed=seed)


OPTUNA_SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
    "gp": _gp,
    "evolution": RegularizedEvolution,
}
SAMPLERS = ("model", *OPTUNA_SAMPLERS)


def check_sampler(name: str) -> None:
    """Raise ConfigError when there is no sampler called `name`, or a package that it needs is missing."""
    if name not in SAMPLERS:
        raise ConfigError(f"unknown sampler {name!r}: choose one of {', '.join(SAMPLERS)}")
    if name in OPTUNA_SAMPLERS:
        OPTUNA_SAMPLERS[name](0)


def make_sampler(name: str, seed: int, space: SearchSpace, load: Load, board: RungBoard) -> BaseSampler:
    """The sampler called `name`.

    Args:
        name: one of `SAMPLERS`.
        seed: of this run; see `resume_seed`.
        space, load, board: what is searched, what fits, and the results at every rung.

    Raises:
        ConfigError: there is no such sampler, or a package that it needs is missing.
    """
    check_sampler(name)
    if name == "model":
        return ModelBasedSampler(seed, space, load, board)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return OPTUNA_SAMPLERS[name](seed)


def resume_seed(seed: int, trials: int) -> int:
    """Seed of a sampler that joins a study of `trials` trials.

    A sampler starts its random numbers afresh in each run: with the same seed, a resumed search would propose
    again what it proposed before.
    """
    if seed < 0:
        raise ConfigError(f"seed {seed} is negative: give 0 or more")
    return int(np.random.SeedSequence([seed, trials]).generate_state(1)[0])
