"""How far apart equal trainings end, and so which differences of FID mean something.

Trainings of one architecture that differ in their seed alone end at FIDs whose logarithms scatter about
alike wherever they lie, so everything here is in log FID: a difference of 0.1 is a factor of about 1.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

PRIOR_SIGMA = 0.1
"""Assumed before anything was replicated: on the digits it is 0.03 to 0.05 for students that start from their
teacher's weights, and 0.1 for those that start at random (docs/benchmarks.md)."""

PRIOR_WEIGHT = 2  # replicates that the assumption is worth
LEAST_FID = 1e-12  # lower ones, of rounding errors, count as this: their logarithm would not exist


@dataclass(frozen=True)
class NoiseFloor:
    """Standard deviation of log FID between trainings of one architecture, which no comparison gets below."""

    sigma: float
    replicates: int  # runs beyond their architectures' first that it was estimated from

    @classmethod
    def of(cls, runs: Iterable[Sequence[float]]) -> NoiseFloor:
        """From the FIDs of every architecture's runs; architectures with a single run tell nothing.

        The variances within architectures are pooled, and the assumption counts as `PRIOR_WEIGHT` replicates:
        two runs that agree by chance do not make a study free of noise.
        """
        squares, replicates = PRIOR_WEIGHT * PRIOR_SIGMA**2, 0
        for fids in runs:
            logs = [log_fid(fid) for fid in fids]
            if not logs:
                continue
            mean = fmean(logs)
            squares += sum((value - mean) ** 2 for value in logs)
            replicates += len(logs) - 1
        return cls(math.sqrt(squares / (PRIOR_WEIGHT + replicates)), replicates)


def log_fid(fid: float) -> float:
    """An FID of 0, or a rounding error below, has no logarithm: it counts as a very good one."""
    return math.log(max(fid, LEAST_FID))
