"""From noisy FIDs to an answer: what an architecture is worth, which ones are tied, and what to train again.

Who takes the lowest of many noisy results takes luck. So what is expected of an architecture is
the median of its runs, drawn towards what is usual at its MACs by as much as noise explains; that decides the
front and the best, and seeds are spent where they may change an answer.
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

CERTAIN = 2.0  # standard errors apart: these are no tie, and no further seed is spent on the difference
VARIANCE_OF_MEDIAN = {1: 1.0, 2: 0.5, 3: 0.449, 4: 0.298, 5: 0.287, 6: 0.215, 7: 0.210, 8: 0.168}
"""Of so many standard normal values; of more it is about π / 2n."""


@dataclass(frozen=True)
class Measured:
    """An architecture that was trained to the end, once or from several seeds."""

    trial: int  # of its first run
    macs: int
    fids: tuple[float, ...]  # of its runs
    selected: bool = True  # it is here because its first run was good

    @property
    def fid(self) -> float:
        """The median of its runs."""
        return median(self.fids)

    @property
    def noise_estimate_fids(self) -> tuple[float, ...]:
        """The runs that noise may be estimated from: of one that was selected, the first was likely lucky."""
        return self.fids[1:] if self.selected else self.fids


@dataclass(frozen=True)
class PosteriorEstimate:
    """What an architecture is expected to come to: log FID, after noise is taken account of."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Selection:
    """What a set of measured architectures amounts to."""

    best: Measured | None  # the lowest expected FID
    front: tuple[Measured, ...]  # by expected FIDs, cheapest first: the best is its dearest
    tied: tuple[Measured, ...]  # with the best: less than `CERTAIN` standard errors behind it
    expected: dict[int, float]  # FID, by trial


def noise_floor(measured: Sequence[Measured]) -> NoiseFloor:
    """The noise of full-length trainings."""
    return NoiseFloor.of(m.noise_estimate_fids for m in measured)


def select(measured: Sequence[Measured], floor: NoiseFloor) -> Selection:
    """The best architecture, the front, and who may be as good as the best."""
    if not measured:
        return Selection(None, (), (), {})
    worth = _posterior(measured, floor)
    on_front = [measured[i] for i in front([(worth[m.trial].mean, float(m.macs)) for m in measured])]
    best = _best(measured, worth)
    tied = [m for m in measured if m is not best and _certainty(m, best, worth) < CERTAIN]
    return Selection(
        best,
        tuple(sorted(on_front, key=lambda m: m.macs)),
        tuple(sorted(tied, key=lambda m: worth[m.trial].mean)),
        {trial: math.exp(found.mean) for trial, found in worth.items()},
    )


def next_replicate(
    measured: Sequence[Measured], floor: NoiseFloor, most: int, busy: Collection[int] = ()
) -> Measured | None:
    """The architecture whose next run is likeliest to change who is best, and then who is on the front.

    Of the pairs whose order decides that, the least certain one is looked at, and of the two the one with
    fewer runs. None when every difference is beyond `CERTAIN` standard errors.

    Args:
        measured: what is known.
        floor: the noise of the study.
        most: runs of one architecture, at most.
        busy: first trials of architectures that are being trained again.
    """
    if not measured:
        return None
    worth = _posterior(measured, floor)
    best = _best(measured, worth)

    def certainty(pair: tuple[Measured, Measured]) -> float:
        return _certainty(*pair, worth)

    for_the_best = [(best, other) for other in measured if other is not best]
    for pairs in (for_the_best, _front_pairs(measured, worth)):
        for pair in sorted(pairs, key=certainty):
            if certainty(pair) >= CERTAIN:
                break
            fewer = min(pair, key=lambda m: (len(m.fids), worth[m.trial].mean, m.trial))
            if len(fewer.fids) < most and fewer.trial not in busy:
                return fewer
    return None


def _best(measured: Sequence[Measured], worth: dict[int, PosteriorEstimate]) -> Measured:
    return min(measured, key=lambda m: (worth[m.trial].mean, m.macs, m.trial))


def _front_pairs(
    measured: Sequence[Measured], worth: dict[int, PosteriorEstimate]
) -> list[tuple[Measured, Measured]]:
    """Every architecture with the best that costs no more: it is on the front if it is the better one."""
    by_cost = sorted(measured, key=lambda m: (m.macs, worth[m.trial].mean))

    def better(one: Measured, other: Measured) -> Measured:
        return other if worth[other.trial].mean < worth[one.trial].mean else one

    return list(zip(by_cost[1:], accumulate(by_cost, better), strict=False))


def _certainty(a: Measured, b: Measured, worth: dict[int, PosteriorEstimate]) -> float:
    """Their distance in standard deviations of what is not known of it."""
    one, other = worth[a.trial], worth[b.trial]
    return abs(one.mean - other.mean) / math.sqrt(one.variance + other.variance)


def _posterior(measured: Sequence[Measured], floor: NoiseFloor) -> dict[int, PosteriorEstimate]:
    """Medians of log FID, each drawn towards what is usual at its MACs by the share that noise explains.

    Empirical Bayes (James and Stein 1961; Efron and Morris 1975). What is usual is a line through log FID
    over log MACs. With τ² the spread around it and σ² the variance of a median of n runs, an architecture's
    own deviation counts τ² / (τ² + σ²), and the variance that is left is τ² σ² / (τ² + σ²).
    """
    logs = [log_fid(m.fid) for m in measured]
    usual = trend([m.macs for m in measured], logs)
    noise = [floor.sigma**2 * variance_of_median(len(m.fids)) for m in measured]
    deviations = [log - expected for log, expected in zip(logs, usual.expected, strict=True)]
    free = max(1, len(measured) - usual.parameters)
    spread = sum(deviation**2 for deviation in deviations) / free - fmean(noise)
    spread = max(spread, floor.sigma**2 / 10)  # never nothing: order must not vanish in a study of equals
    return {
        m.trial: PosteriorEstimate(expected + deviation * spread / (spread + n), spread * n / (spread + n))
        for m, expected, deviation, n in zip(measured, usual.expected, deviations, noise, strict=True)
    }


def variance_of_median(count: int) -> float:
    """Of `count` standard normal values."""
    return VARIANCE_OF_MEDIAN.get(count, math.pi / (2 * count))
