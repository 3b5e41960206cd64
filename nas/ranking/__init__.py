"""Which results are better: dominance, successive halving, noise, posterior estimates, rank correlation."""

from nas.ranking.noise import PRIOR_SIGMA, PRIOR_WEIGHT, NoiseFloor, log_fid
from nas.ranking.pareto import Point, crowding, finite, front, hypervolume
from nas.ranking.posterior import Measured, next_replicate, noise_floor, select, variance_of_median
from nas.ranking.rank_correlation import (
    FEWEST_RANKED,
    RankCorrelation,
    rank_correlation,
    rung_correlations,
)
from nas.ranking.successive_halving import RungBoard

__all__ = [
    "FEWEST_RANKED",
    "PRIOR_SIGMA",
    "PRIOR_WEIGHT",
    "Measured",
    "NoiseFloor",
    "Point",
    "RankCorrelation",
    "RungBoard",
    "crowding",
    "finite",
    "front",
    "hypervolume",
    "log_fid",
    "next_replicate",
    "noise_floor",
    "rank_correlation",
    "rung_correlations",
    "select",
    "variance_of_median",
]
