"""The noise of FIDs between trainings that differ in their seed alone.

The standard deviation of log FID between such trainings is about the same for all architectures, so
everything here is in log FID: a difference of 0.1 is a factor of about 1.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

PRIOR_SIGMA = 0.1
"""Prior of the noise, in log FID. On the digits it is 0.03 to 0.05 for students that inherit their teacher's
weights, and 0.1 for those that start at random (docs/benchmarks.md)."""

PRIOR_WEIGHT = 2  # replicates that the prior counts as
LEAST_FID = 1e-12  # smaller values, from rounding errors, are replaced by it: they have no logarithm


@dataclass(frozen=True)
class NoiseFloor:
    """Standard deviation of log FID between trainings of one architecture."""

    sigma: float
    replicates: int  # runs, beyond the first of each architecture, that it was estimated from

    @classmethod
    def of(cls, runs: Iterable[Sequence[float]]) -> NoiseFloor:
        """The noise estimated from the FIDs of every architecture's runs; single runs contribute nothing.

        The variances within architectures are pooled, and the prior counts as `PRIOR_WEIGHT` replicates: two
        runs that agree by chance do not make a study free of noise.
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
    """The logarithm of an FID; an FID of 0, or a rounding error below, is replaced by `LEAST_FID`."""
    return math.log(max(fid, LEAST_FID))
