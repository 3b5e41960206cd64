"""The prior mean at so many MACs: a line over their logarithm, or the mean of few values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

LINE_FROM = 5  # architectures: with fewer, the prior mean is the same at any MACs


@dataclass(frozen=True)
class Trend:
    """A trend through some values, one for each architecture."""

    means: list[float]  # prior mean of each value
    parameters: int  # fitted to the values


def trend(macs: Sequence[float], values: Sequence[float]) -> Trend:
    """The trend of `values`, at least one, over log `macs`, by least squares."""
    logs = [math.log(count) for count in macs]
    if len(values) < LINE_FROM or len(set(logs)) == 1:
        return Trend([fmean(values)] * len(values), 1)
    slope, intercept = linear_regression(logs, values)
    return Trend([intercept + slope * log for log in logs], 2)
