"""From noisy FIDs to an answer: posterior estimates, the front, the best, and what to replicate.

The lowest of many noisy results is partly luck. So every architecture gets a posterior estimate: the median
of its runs, shrunk towards the prior mean at its MACs by the fraction of the variance that is noise.
Estimates decide the front and the best, and further seeds go where they may change an answer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, median

from nas.ranking.noise import NoiseFloor, log_fid
from nas.ranking.pareto import front
from nas.ranking.trend import trend

CERTAIN = 2.0  # standard errors: architectures further apart differ significantly: no seed is added
VARIANCE_OF_MEDIAN = {1: 1.0, 2: 0.5, 3: 0.449, 4: 0.298, 5: 0.287, 6: 0.215, 7: 0.210, 8: 0.168}
"""By the number n of standard normal values; for larger n it is about π / 2n."""


@dataclass(frozen=True)
class Measured:
    """An architecture that was trained to the end, once or from several seeds."""

    trial: int  # of its first run
    macs: int
    fids: tuple[float, ...]  # of its runs
    selected: bool = True  # trained to the end because its first run was good

    @property
    def fid(self) -> float:
        """The median of its runs."""
        return median(self.fids)

    @property
    def noise_estimate_fids(self) -> tuple[float, ...]:
        """The runs that noise is estimated from: a selected architecture's first run was likely lucky."""
        return self.fids[1:] if self.selected else self.fids


@dataclass(frozen=True)
class PosteriorEstimate:
    """Log FID of an architecture, after shrinkage."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Selection:
    """The answer that a set of measured architectures gives."""

    best: Measured | None  # the lowest posterior estimate
    front: tuple[Measured, ...]  # by posterior estimates, cheapest first: the best is the most expensive
    within_margin: tuple[Measured, ...]  # less than `CERTAIN` standard errors behind the best
    estimates: dict[int, float]  # posterior estimate of the FID, by trial


def noise_floor(measured: Sequence[Measured]) -> NoiseFloor:
    """The noise of full-length trainings."""
    return NoiseFloor.of(m.noise_estimate_fids for m in measured)


def select(measured: Sequence[Measured], floor: NoiseFloor) -> Selection:
    """The best architecture, the front, and the architectures that may be as good as the best."""
    if not measured:
        return Selection(None, (), (), {})
    estimates = _posterior(measured, floor)
    on_front = [measured[i] for i in front([(estimates[m.trial].mean, float(m.macs)) for m in measured])]
    best = _best(measured, estimates)
    within_margin = [m for m in measured if m is not best and _certainty(m, best, estimates) < CERTAIN]
    return Selection(
        best,
        tuple(sorted(on_front, key=lambda m: m.macs)),
        tuple(sorted(within_margin, key=lambda m: estimates[m.trial].mean)),
        {trial: math.exp(found.mean) for trial, found in estimates.items()},
    )


def next_replicate(
    measured: Sequence[Measured], floor: NoiseFloor, most: int, busy: Collection[int] = ()
) -> Measured | None:
    """The architecture whose next run is likeliest to change the best, and then the front.

    The order of some pairs decides the best and the front. Of the least certain such pair, it is the
    architecture with fewer runs. None when every difference exceeds `CERTAIN` standard errors.

    Args:
        measured: all architectures that were trained to the end.
        floor: the noise of the study.
        most: largest number of runs of one architecture.
        busy: first trials of architectures that are being replicated.
    """
    if not measured:
        return None
    estimates = _posterior(measured, floor)
    best = _best(measured, estimates)

    def certainty(pair: tuple[Measured, Measured]) -> float:
        return _certainty(*pair, estimates)

    for_the_best = [(best, other) for other in measured if other is not best]
    for pairs in (for_the_best, _front_pairs(measured, estimates)):
        for pair in sorted(pairs, key=certainty):
            if certainty(pair) >= CERTAIN:
                break
            fewer = min(pair, key=lambda m: (len(m.fids), estimates[m.trial].mean, m.trial))
            if len(fewer.fids) < most and fewer.trial not in busy:
                return fewer
    return None


def _best(measured: Sequence[Measured], estimates: dict[int, PosteriorEstimate]) -> Measured:
    return min(measured, key=lambda m: (estimates[m.trial].mean, m.macs, m.trial))


def _front_pairs(
    measured: Sequence[Measured], estimates: dict[int, PosteriorEstimate]
) -> list[tuple[Measured, Measured]]:
    """Every architecture, paired with the best that costs no more: the better of the two is on the front."""
    by_cost = sorted(measured, key=lambda m: (m.macs, estimates[m.trial].mean))

    def better(one: Measured, other: Measured) -> Measured:
        return other if estimates[other.trial].mean < estimates[one.trial].mean else one

    return list(zip(by_cost[1:], accumulate(by_cost, better), strict=False))


def _certainty(a: Measured, b: Measured, estimates: dict[int, PosteriorEstimate]) -> float:
    """Difference of two posterior means in standard deviations."""
    one, other = estimates[a.trial], estimates[b.trial]
    return abs(one.mean - other.mean) / math.sqrt(one.variance + other.variance)


def _posterior(measured: Sequence[Measured], floor: NoiseFloor) -> dict[int, PosteriorEstimate]:
    """Medians of log FID, each shrunk towards the prior mean at its MACs.

    Empirical Bayes (James and Stein 1961; Efron and Morris 1975). The prior mean is a line through log FID
    over log MACs. With τ² the variance around it and σ² the variance of a median of n runs, the deviation
    from the prior mean is multiplied by τ² / (τ² + σ²), and the posterior variance is τ² σ² / (τ² + σ²).
    """
    logs = [log_fid(m.fid) for m in measured]
    prior = trend([m.macs for m in measured], logs)
    noise = [floor.sigma**2 * variance_of_median(len(m.fids)) for m in measured]
    deviations = [log - mean for log, mean in zip(logs, prior.means, strict=True)]
    free = max(1, len(measured) - prior.parameters)
    spread = sum(deviation**2 for deviation in deviations) / free - fmean(noise)
    spread = max(spread, floor.sigma**2 / 10)  # above 0: shrinkage keeps the order of medians
    return {
        m.trial: PosteriorEstimate(mean + deviation * spread / (spread + n), spread * n / (spread + n))
        for m, mean, deviation, n in zip(measured, prior.means, deviations, noise, strict=True)
    }


def variance_of_median(count: int) -> float:
    """Variance of the median of `count` standard normal values."""
    return VARIANCE_OF_MEDIAN.get(count, math.pi / (2 * count))
