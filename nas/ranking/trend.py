"""What is usual at so many MACs: a line over their logarithm, or the mean of few values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

LINE_FROM = 5  # architectures: with fewer, the mean stands for what is usual at any MACs


@dataclass(frozen=True)
class Trend:
    """Of some values, one for each architecture."""

    expected: list[float]  # of each
    parameters: int  # that were fitted to them


def trend(macs: Sequence[float], values: Sequence[float]) -> Trend:
    """Fitted by least squares to at least one value."""
    logs = [math.log(count) for count in macs]
    if len(values) < LINE_FROM or len(set(logs)) == 1:
        return Trend([fmean(values)] * len(values), 1)
    slope, intercept = linear_regression(logs, values)
    return Trend([intercept + slope * log for log in logs], 2)
