"""An Optuna sampler that asks a surrogate which architecture would improve the front most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from nas.evolution import draw
from nas.noise import log_fid
from nas.pareto import front
from nas.rung_board import RungBoard
from nas.surrogate import Array, Surrogate, expected_hypervolume_improvement, fit
from search_spaces import FixedSuggest, Load, SearchSpace

POOL = 512  # random choices that compete for the next trial
LEAST_RESULTS = 6  # before that choices are random
REFIT = 1.1  # the model's scales are estimated anew when there are so many times as many results


class SurrogateSampler(BaseSampler):
    """Bayesian optimisation over rungs: every rung's FIDs are learnt from, costs are known exactly.

    An architecture is encoded by its choices, each in [0, 1], and by the logarithms of its MACs and
    parameters: a vector of one length in a space without conditional choices.
    """

    def __init__(self, seed: int, space: SearchSpace, load: Load, board: RungBoard) -> None:
        self._space, self._load, self._board = space, load, board
        self._rng = np.random.default_rng(seed)
        self._random = RandomSampler(seed=seed)
        self._choices = IntersectionSearchSpace()
        self._scales: Tensor | None = None
        self._fitted_to = 0  # results
        self._costs: dict[str, tuple[float, float]] = {}
        self._largest = math.log(space.macs(space.largest())), math.log(space.params(space.largest()))

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
        trials = study.get_trials(deepcopy=False)
        observed = self._observations(trials, search_space)
        seen = [
            t for t in trials if t.state == TrialState.COMPLETE and search_space.keys() <= t.params.keys()
        ]
        if not search_space or not seen or len(observed) < LEAST_RESULTS:
            return {}
        inputs, rungs, logs = (np.array(column) for column in zip(*observed, strict=True))
        if len(logs) >= REFIT * self._fitted_to:
            self._scales, self._fitted_to = None, len(logs)
        model = fit(inputs.astype(float), rungs.astype(np.int64), logs.astype(float), self._scales)
        self._scales = model.scales
        known = {t.user_attrs["architecture"] for t in trials if "architecture" in t.user_attrs}
        pool = self._pool(search_space, known)
        if not pool:
            return {}
        value = self._value(model, pool, search_space, seen)
        return pool[int(value.argmax())]

    def _value(
        self,
        model: Surrogate,
        pool: list[dict[str, Any]],
        space: dict[str, BaseDistribution],
        seen: list[FrozenTrial],
    ) -> Array:
        """Expected hypervolume improvement of the pool on the front of the trials `seen`, as modelled.

        The worst of the uniformly slimmed teachers bounds the volume: what is worse is not worth its MACs.
        """
        last = self._board.rungs - 1
        values = model.predict(np.array([self._encoded(t.params, space) for t in seen]), last)[0].tolist()
        points = [(value, self._cost(t.params)[0]) for value, t in zip(values, seen, strict=True)]
        baselines = [value for value, t in zip(values, seen, strict=True) if "baseline" in t.user_attrs]
        reference = (max(baselines or values), max(cost for _, cost in points) + 1e-3)
        steps = sorted((points[i] for i in front(points)), key=lambda point: point[1])
        mean, deviation = model.predict(np.array([self._encoded(choices, space) for choices in pool]), last)
        costs = np.array([self._cost(choices)[0] for choices in pool])
        return expected_hypervolume_improvement(mean, deviation, costs, steps, reference)

    def _pool(self, space: dict[str, BaseDistribution], known: set[str]) -> list[dict[str, Any]]:
        """Random choices of architectures that nobody has trained, each architecture once."""
        found: dict[str, dict[str, Any]] = {}
        for _ in range(POOL):
            choices = {name: draw(distribution, self._rng) for name, distribution in space.items()}
            architecture = str(self._space.sample(FixedSuggest(choices), self._load))
            if architecture not in known:
                found.setdefault(architecture, choices)
        return list(found.values())

    def _observations(
        self, trials: list[FrozenTrial], space: dict[str, BaseDistribution]
    ) -> list[tuple[list[float], int, float]]:
        """Encoded architecture, rung and log FID of every result there is."""
        usable = {t.number: t for t in trials if space.keys() <= t.params.keys()}
        return [
            (self._encoded(usable[number].params, space), rung, log_fid(fid))
            for number, rung, fid in self._board.results()
            if number in usable and math.isfinite(fid)
        ]

    def _encoded(self, choices: Mapping[str, Any], space: dict[str, BaseDistribution]) -> list[float]:
        vector: list[float] = []
        for name, distribution in space.items():
            value = choices[name]
            if isinstance(distribution, CategoricalDistribution):
                hot = [float(choice == value) for choice in distribution.choices]
                vector += hot[1:] if len(hot) == 2 else hot
            elif (
                isinstance(distribution, IntDistribution | FloatDistribution)
                and distribution.low < distribution.high
            ):
                low, high = float(distribution.low), float(distribution.high)
                if distribution.log:
                    low, high, value = math.log(low), math.log(high), math.log(value)
                vector.append((value - low) / (high - low))
        macs, params = self._cost(choices)
        return [*vector, macs - self._largest[0], params - self._largest[1]]

    def _cost(self, choices: Mapping[str, Any]) -> tuple[float, float]:
        """log MACs and log parameters."""
        key = repr(sorted(choices.items()))
        if key not in self._costs:
            architecture = self._space.sample(FixedSuggest(choices), self._load)
            self._costs[key] = (
                math.log(self._space.macs(architecture)),
                math.log(self._space.params(architecture)),
            )
        return self._costs[key]
