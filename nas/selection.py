"""From noisy FIDs to an answer: what an architecture is worth, which ones are tied, and what to train again.

Who takes the lowest of many noisy results takes luck. So an architecture is worth the median of its runs,
drawn towards the others' by as much as noise explains, and seeds are spent where they may change an answer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

from nas.noise import NoiseFloor, log_fid
from nas.pareto import front

CERTAIN = 2.0  # standard errors apart: no further seed is spent on this difference


@dataclass(frozen=True)
class Measured:
    """An architecture that was trained to the end, once or from several seeds."""

    trial: int  # of its first run
    macs: int
    fids: tuple[float, ...]  # of its runs

    @property
    def fid(self) -> float:
        """The median of its runs."""
        return median(self.fids)


@dataclass(frozen=True)
class Selection:
    """What a set of measured architectures amounts to."""

    best: Measured | None
    front: tuple[Measured, ...]  # cheapest first
    tied: tuple[Measured, ...]  # with the best: noise may have put them behind it
    estimates: dict[int, float]  # by trial: expected FID of a further run


def select(measured: Sequence[Measured], floor: NoiseFloor) -> Selection:
    """The best architecture, the front, and who may be as good as the best."""
    if not measured:
        return Selection(None, (), (), {})
    worth = dict(zip((m.trial for m in measured), _shrunk(measured, floor), strict=True))
    best = min(measured, key=lambda m: (worth[m.trial], m.macs, m.trial))
    on_front = [measured[i] for i in front([(worth[m.trial], float(m.macs)) for m in measured])]
    tied = [m for m in measured if m is not best and _certainty(m, best, worth, floor) < 1]
    return Selection(
        best,
        tuple(sorted(on_front, key=lambda m: m.macs)),
        tuple(sorted(tied, key=lambda m: worth[m.trial])),
        {trial: math.exp(value) for trial, value in worth.items()},
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
    worth = dict(zip((m.trial for m in measured), _shrunk(measured, floor), strict=True))
    best = min(measured, key=lambda m: (worth[m.trial], m.macs, m.trial))

    def certainty(pair: tuple[Measured, Measured]) -> float:
        return _certainty(*pair, worth, floor)

    for_the_best = [(best, other) for other in measured if other is not best]
    for pairs in (for_the_best, _front_pairs(measured, worth)):
        for pair in sorted(pairs, key=certainty):
            if certainty(pair) >= CERTAIN:
                break
            fewer = min(pair, key=lambda m: (len(m.fids), worth[m.trial], m.trial))
            if len(fewer.fids) < most and fewer.trial not in busy:
                return fewer
    return None


def _front_pairs(measured: Sequence[Measured], worth: dict[int, float]) -> list[tuple[Measured, Measured]]:
    """Every architecture with the best that costs no more: it is on the front if it is the better one."""
    pairs = []
    for one in measured:
        cheaper = [m for m in measured if m is not one and m.macs <= one.macs]
        if cheaper:
            pairs.append((one, min(cheaper, key=lambda m: worth[m.trial])))
    return pairs


def _certainty(a: Measured, b: Measured, worth: dict[int, float], floor: NoiseFloor) -> float:
    """Their distance in standard errors."""
    return abs(worth[a.trial] - worth[b.trial]) / floor.margin(len(a.fids), len(b.fids))


def _shrunk(measured: Sequence[Measured], floor: NoiseFloor) -> list[float]:
    """Log FIDs, each drawn towards the mean of all by the share of its deviation that noise explains.

    Empirical Bayes (James and Stein 1961; Efron and Morris 1975): of n runs, the weight of an architecture's
    own median is τ² / (τ² + σ² / n), with σ² the noise and τ² what is left of the spread without it.
    """
    logs = [log_fid(m.fid) for m in measured]
    centre = fmean(logs)
    noise = [floor.sigma**2 / len(m.fids) for m in measured]
    spread = variance(logs) - fmean(noise) if len(logs) > 1 else 0.0
    spread = max(spread, floor.sigma**2 / 10)  # never nothing: order must not vanish in a study of equals
    return [centre + (log - centre) * spread / (spread + n) for log, n in zip(logs, noise, strict=True)]
