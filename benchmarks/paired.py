"""Rows compared with one of them over paired seeds: the ratio of their FDs, with an interval.

The interval is that of a paired t test of log FD, 95 % for each row by itself: one row in twenty without any
effect is outside of it by chance. Sign flips of five seeds could not reach 5 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t

LEVEL = 0.95


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
    pairs = [(a, b) for a, b in zip(row, reference, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if len(pairs) < 2:
        return None
    logs = [math.log(a / b) for a, b in pairs]
    mean, error = statistics.fmean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    reach = float(t.ppf((1 + LEVEL) / 2, len(logs) - 1)) * error
    return Ratio(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))
