"""Rank correlation of early rungs with the last: do they order architectures alike?

`scipy.stats` takes a second to import: functions do so when they are called.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from nas.study import RungRecord

RESAMPLES = 1_000
INTERVAL = (5.0, 95.0)  # percentiles
FEWEST_RANKED = 10  # architectures: of fewer, any order comes about by chance too often

Correlation = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], float]


class RankCorrelation(BaseModel):
    """Rank correlation of a metric at one rung with the same trainings' FIDs at the last rung."""

    model_config = ConfigDict(frozen=True)

    metric: str = "fid"  # at the early rung, or "kid"; at the last rung it is the FID
    images: int  # seen at the rung
    architectures: int
    spearman: float
    spearman_interval: tuple[float, float] | None  # 90 %, bootstrap over architectures; None of ±1
    kendall: float
    kendall_interval: tuple[float, float] | None


def rank_correlation(
    images: int, early: Sequence[float], final: Sequence[float], metric: str = "fid"
) -> RankCorrelation | None:
    """Rank correlation of `early` with `final`; None of fewer than `FEWEST_RANKED`, or equal values."""
    pairs = np.array([early, final])
    if pairs.shape[1] < FEWEST_RANKED or any(len(set(row)) == 1 for row in pairs.tolist()):
        return None
    measured: dict[str, Any] = {}
    for name, statistic in (("spearman", _spearman), ("kendall", _kendall)):
        measured[name] = statistic(*pairs)
        measured[f"{name}_interval"] = _interval(pairs, statistic, measured[name])
    return RankCorrelation(metric=metric, images=images, architectures=pairs.shape[1], **measured)


def rung_correlations(complete: Iterable[Sequence[RungRecord]]) -> list[RankCorrelation]:
    """Rank correlations of each rung with the last, over `complete` trainings; of KIDs where all have one."""
    trainings = list(complete)
    found = []
    for rung in range(max((len(rungs) for rungs in trainings), default=1) - 1):
        there = [rungs for rungs in trainings if len(rungs) > rung]
        images, final = there[0][rung].images, [rungs[-1].fid for rungs in there]
        found.append(rank_correlation(images, [rungs[rung].fid for rungs in there], final))
        kids = [kid for rungs in there if (kid := rungs[rung].kid) is not None]
        if len(kids) == len(there):
            found.append(rank_correlation(images, kids, final, metric="kid"))
    return [correlation for correlation in found if correlation is not None]


def _spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


def _kendall(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(a, b).statistic)


def _interval(
    pairs: npt.NDArray[np.float64], statistic: Correlation, value: float
) -> tuple[float, float] | None:
    """Percentiles of the bootstrap over architectures, without resamples in which all values are equal.

    None of a correlation of ±1: every resample has the same order, whatever the uncertainty.
    """
    from scipy.stats import bootstrap

    if np.isclose(abs(value), 1.0):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those resamples: their correlation is NaN
        resampled = bootstrap(
            tuple(pairs),
            statistic,
            n_resamples=RESAMPLES,
            paired=True,
            vectorized=False,
            method="percentile",
            rng=0,
        )
    low, high = np.nanpercentile(resampled.bootstrap_distribution, INTERVAL)
    return float(low), float(high)
