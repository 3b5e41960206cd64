"""Samplers that benchmarks compare with the service's own ones."""

from __future__ import annotations

from optuna.samplers import BaseSampler, GPSampler

from benchmarks.evolution import RegularizedEvolution
from nas.ranking import RungBoard
from nas.samplers import SAMPLERS, MakeSampler
from search_spaces import SearchSpace, Utilisation


def _evolution(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    return RegularizedEvolution(seed)


def _optuna_gp(seed: int, space: SearchSpace, utilisation: Utilisation, board: RungBoard) -> BaseSampler:
    # It learns from complete trials only, and models MACs although their exact value is known.
    return GPSampler(seed=seed)


COMPARED: dict[str, MakeSampler] = {**SAMPLERS, "evolution": _evolution, "optuna-gp": _optuna_gp}
