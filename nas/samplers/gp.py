"""An Optuna sampler that proposes the architecture with the largest expected improvement of the front."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from nas.ranking import RungBoard, front, log_fid
from nas.samplers.encoding import Encoded, Encoder
from nas.samplers.gaussian_process import Array, Surrogate, expected_hypervolume_improvement, fit
from nas.samplers.joint import JointSampler, draw
from nas.trials import TrialAttributes
from search_spaces import SearchSpace, Utilisation

POOL = 512  # random choices that compete for the next trial
LEAST_RESULTS = 6  # with fewer, choices are random
MOST_RESULTS = 600  # that the model is fitted to: its cost grows with their cube
MARGIN = 0.1  # of the range of log MACs: how far beyond the most expensive the hypervolume reaches
REFIT = 1.1  # scales are estimated again when the number of results has grown by this factor


class SurrogateSampler(JointSampler):
    """Bayesian optimisation over rungs: the model is fitted to all rungs' FIDs; costs are exact."""

    def __init__(self, seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> None:
        super().__init__(seed)
        self._space, self._board = space, board
        self._scales: Tensor | None = None
        self._fitted_to = 0  # results
        self._encoder = Encoder(space, utilisation)
        self._known: dict[int, TrialAttributes] = {}  # of finished trials, which do not change
        # log MACs of the budget, where MACs bind; else an upper bound of what fits.
        self._limit = self._encoder.largest[0] - max(0.0, math.log(utilisation(space.largest())))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        trials = study.get_trials(deepcopy=False)
        chosen = [t for t in trials if search_space.keys() <= t.params.keys()]
        seen = [t for t in chosen if t.state == TrialState.COMPLETE]
        results = self._results({t.number for t in chosen})
        if not seen or len(results) < LEAST_RESULTS:
            return {}
        attributes = [self._attributes(t) for t in trials]
        known = {a.architecture for a in attributes}
        if any(a.same_as_teacher for a in attributes):
            known.add(str(self._space.largest()))
        pool = self._pool(search_space, known, self.rng_of(trial))
        if not pool:
            return {}
        running = [t for t in chosen if t.state == TrialState.RUNNING]
        model = self._model(trials, results, running, search_space)
        value = self._value(model, pool, search_space, seen + running)
        return pool[int(value.argmax())].choices

    def _attributes(self, trial: FrozenTrial) -> TrialAttributes:
        if (known := self._known.get(trial.number)) is not None:
            return known
        attributes = TrialAttributes.from_trial(trial)
        if trial.state.is_finished():
            self._known[trial.number] = attributes
        return attributes

    def _model(
        self,
        trials: list[FrozenTrial],
        results: list[tuple[int, int, float]],
        running: list[FrozenTrial],
        space: dict[str, BaseDistribution],
    ) -> Surrogate:
        """The model of `results`, given that trials `running` end as predicted (Ginsbourger et al. 2010, the
        kriging believer): so parallel workers train different architectures."""
        last = self._board.rungs - 1
        if _refit_at(len(results)) != self._fitted_to:
            self._fitted_to = _refit_at(len(results))
            first = _most_informative(results[: self._fitted_to], last)
            self._scales = fit(*self._observed(first, trials, space)).scales
        inputs, rungs, logs = self._observed(_most_informative(results, last), trials, space)
        model = fit(inputs, rungs, logs, self._scales)
        if not running:
            return model
        pending = np.array([each.vector for each in self._encoder.of_trials(running, space)])
        believed, _ = model.predict(pending, last)
        return fit(
            np.concatenate([inputs, pending]),
            np.concatenate([rungs, np.full(len(running), last)]),
            np.concatenate([logs, believed]),
            model.scales,
        )

    def _observed(
        self,
        results: list[tuple[int, int, float]],
        trials: list[FrozenTrial],
        space: dict[str, BaseDistribution],
    ) -> tuple[Array, npt.NDArray[np.int64], Array]:
        """Encoded architectures, rungs and log FIDs of `results`."""
        encoded = self._encoder.of_trials([trials[number] for number, _, _ in results], space)
        inputs = np.array([each.vector for each in encoded])
        rungs = np.array([rung for _, rung, _ in results], dtype=np.int64)
        return inputs, rungs, np.array([log_fid(fid) for _, _, fid in results])

    def _value(
        self,
        model: Surrogate,
        pool: list[Encoded],
        space: dict[str, BaseDistribution],
        seen: list[FrozenTrial],
    ) -> Array:
        """Expected hypervolume improvement of the pool on the front of the trials `seen`, as modelled.

        The teacher's architecture counts with its own FID: it is known, and the board has no results of it.
        Where a run was killed before it reported that FID, the trial is RUNNING and counts as predicted.
        The worst uniform-width baseline bounds the volume in FID: worse students are useless at any MACs.
        In MACs the volume reaches beyond the budget, so that the most expensive students contribute, too.
        """
        last = self._board.rungs - 1
        encoded = self._encoder.of_trials(seen, space)
        values = model.predict(np.array([each.vector for each in encoded]), last)[0].tolist()
        attributes = [self._attributes(t) for t in seen]
        values = [
            log_fid(t.values[0]) if a.same_as_teacher and t.values else value
            for value, t, a in zip(values, seen, attributes, strict=True)
        ]
        points = [(value, each.macs) for value, each in zip(values, encoded, strict=True)]
        baselines = [value for value, a in zip(values, attributes, strict=True) if a.baseline is not None]
        mean, deviation = model.predict(np.array([each.vector for each in pool]), last)
        costs = np.array([each.macs for each in pool])
        known = [*(cost for _, cost in points), *costs.tolist()]
        largest = max(self._limit, *known)
        reference = (max(baselines or values), largest + MARGIN * (largest - min(known)))
        steps = sorted((points[i] for i in front(points)), key=lambda point: point[1])
        return expected_hypervolume_improvement(mean, deviation, costs, steps, reference)

    def _pool(
        self, space: dict[str, BaseDistribution], known: set[str], rng: np.random.Generator
    ) -> list[Encoded]:
        """Random choices of architectures that are not in the study, each architecture once."""
        found: dict[str, Encoded] = {}
        for _ in range(POOL):
            choices = {name: draw(distribution, rng) for name, distribution in space.items()}
            architecture = self._encoder.architecture(choices)
            if (name := str(architecture)) not in known and name not in found:
                found[name] = self._encoder.of(choices, architecture, space)
        return list(found.values())

    def _results(self, trials: set[int]) -> list[tuple[int, int, float]]:
        """Trial, rung and FID of every result of `trials`, in this order whoever measured first."""
        results = sorted(self._board.results())
        return [(t, rung, fid) for t, rung, fid in results if t in trials and math.isfinite(fid)]


def _refit_at(results: int) -> int:
    """The number of results, at most `results`, at which scales were estimated last."""
    at = LEAST_RESULTS
    while (following := max(at + 1, math.ceil(REFIT * at))) <= results:
        at = following
    return at


def _most_informative(results: list[tuple[int, int, float]], last: int) -> list[tuple[int, int, float]]:
    """At most `MOST_RESULTS`: those at the last rung, then those at the others, the newest trials first."""
    if len(results) <= MOST_RESULTS:
        return results
    ordered = sorted(results, key=lambda result: (result[1] == last, result[0], result[1]), reverse=True)
    return ordered[:MOST_RESULTS]
