"""Rows compared with one of them over paired seeds: the ratio of their FDs, its interval, and the power.

The detectable effect is the one that a test of so many seeds with so much noise finds in 80 % of its
repetitions: a ratio whose interval includes 1 says that nothing was detected, not that there is nothing.

The interval is that of a paired t test of log FD, 95 % for each row by itself: one row in twenty without any
effect is outside of it by chance. Sign flips of five seeds could not reach 5 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import nct, t

LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Ratio:
    """FD of a row / FD of the row that it is compared with, the geometric mean over seeds."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether 1 is outside of the interval."""
        return self.low > 1 or self.high < 1


def ratio(row: Sequence[float], reference: Sequence[float]) -> Ratio | None:
    """The ratio over seeds that both rows have completed, in the same order; None with fewer than 2.

    A run that has failed has an infinite FD.
    """
    logs = _log_ratios(row, reference)
    if len(logs) < 2:
        return None
    mean, error = statistics.fmean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    reach = float(t.ppf((1 + LEVEL) / 2, len(logs) - 1)) * error
    return Ratio(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))


def detectable(row: Sequence[float], reference: Sequence[float]) -> float | None:
    """The smallest part of FD whose loss these paired seeds detect with a power of 80 %; None with too few.

    The test is the paired t test of `ratio`, its noise the standard deviation of log ratios that was seen.
    """
    logs = _log_ratios(row, reference)
    if len(logs) < 2:
        return None
    return 1 - math.exp(-_effect(len(logs)) * statistics.stdev(logs))


def seeds_needed(row: Sequence[float], reference: Sequence[float], effect: float) -> int | None:
    """Paired seeds that detect the loss of a part `effect` of FD, with the noise that was seen.

    None with too few seeds to see any noise; at most `MOST_SEEDS`.
    """
    logs = _log_ratios(row, reference)
    if len(logs) < 2:
        return None
    noise, wanted = statistics.stdev(logs), -math.log1p(-effect)
    if noise == 0:
        return 2
    low, high = 2, 2
    while high < MOST_SEEDS and _effect(high) * noise > wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _effect(middle) * noise > wanted else (low, middle)
    return min(MOST_SEEDS, low if _effect(low) * noise <= wanted else high)


def verdict(row: Sequence[float], reference: Sequence[float]) -> str:
    """What the comparison says, in words: never that there is no effect."""
    compared, least = ratio(row, reference), detectable(row, reference)
    if compared is None or least is None:
        return "too few seeds"
    if compared.significant:
        return "lower" if compared.high < 1 else "higher"
    return f"not detectable (below {least:.1%})"


def _effect(seeds: int) -> float:
    """The mean in standard deviations that a two-sided t test of `seeds` values finds with `POWER`."""
    degrees, root = seeds - 1, math.sqrt(seeds)
    critical = float(t.ppf((1 + LEVEL) / 2, degrees))
    # far beyond its critical value scipy's non-central t is not a number: there the test always finds it
    return float(brentq(lambda d: _power(d * root, degrees, critical) - POWER, 0.0, (critical + 20) / root))


def _power(shift: float, degrees: int, critical: float) -> float:
    missed = float(nct.cdf(critical, degrees, shift))
    return 1.0 if math.isnan(missed) else 1 - missed


def _log_ratios(row: Sequence[float], reference: Sequence[float]) -> list[float]:
    pairs = zip(row, reference, strict=True)
    return [math.log(a / b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
