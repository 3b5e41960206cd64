"""Regularised evolution (Real et al. 2019, arXiv 1802.01548) for two objectives."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.ranking import crowding, front
from nas.samplers import JointSampler, draw

POPULATION = 20  # the youngest trials that were trained to the end
TOURNAMENT = 5


class RegularizedEvolution(JointSampler):
    """Mutates one choice of the winner of a tournament among the youngest trials.

    The winner has the largest crowding distance on the front of the trials drawn.
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        young = [t for t in complete if search_space.keys() <= t.params.keys()][-POPULATION:]
        if not search_space or len(young) < POPULATION:
            return {}
        rng = self.rng_of(trial)
        picked = rng.choice(len(young), TOURNAMENT, replace=False)
        parent = _fittest([young[i] for i in picked]).params
        name = rng.choice(sorted(search_space))
        return {**{n: parent[n] for n in search_space}, name: draw(search_space[name], rng)}


def _fittest(trials: list[FrozenTrial]) -> FrozenTrial:
    points = [(t.values[0], t.values[1]) for t in trials]
    first = front(points)
    spread = crowding([points[i] for i in first])
    return trials[min(zip((-s for s in spread), (points[i] for i in first), first, strict=True))[2]]
