"""Rank correlations of the rungs."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.ranking.rank_correlation import FEWEST_RANKED, rank_correlation, rung_correlations
from nas.study import RungRecord


@settings(max_examples=5)
@given(st.lists(st.integers(1, 1000), min_size=FEWEST_RANKED, max_size=15, unique=True))
def test_equal_orders_correlate_by_one_and_opposite_ones_by_minus_one(fids: list[int]) -> None:
    final = [float(fid) for fid in fids]
    for early, correlation in (([fid**3 for fid in final], 1.0), ([-fid for fid in final], -1.0)):
        found = rank_correlation(4_000, early, final)
        assert found is not None
        assert (found.images, found.architectures) == (4_000, len(fids))
        assert (found.spearman, found.kendall) == (pytest.approx(correlation), pytest.approx(correlation))
        assert (found.spearman_interval, found.kendall_interval) == (None, None), "a bootstrap draws no other"


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_contains_the_correlation_and_narrows_with_architectures(seed: int) -> None:
    rng = random.Random(seed)
    widths = []
    for count in (10, 100):
        final = [rng.random() for _ in range(count)]
        found = rank_correlation(64, [fid + rng.gauss(0, 0.2) for fid in final], final)
        assert found is not None
        for value, interval in (
            (found.spearman, found.spearman_interval),
            (found.kendall, found.kendall_interval),
        ):
            assert interval is not None
            low, high = interval
            assert -1 <= low <= value <= high <= 1
        assert found.spearman_interval is not None
        widths.append(found.spearman_interval[1] - found.spearman_interval[0])
    assert widths[1] < widths[0]


def test_of_too_few_or_equal_ones_nothing_is_said() -> None:
    some = [float(i) for i in range(FEWEST_RANKED)]
    assert rank_correlation(64, some, some) is not None
    assert rank_correlation(64, some[:-1], some[:-1]) is None
    assert rank_correlation(64, [1.0] * FEWEST_RANKED, some) is None
    assert rank_correlation(64, some, [1.0] * FEWEST_RANKED) is None


def test_the_same_results_have_the_same_interval() -> None:
    final = [float(i) for i in range(12)]
    early = [3.0, 1.0, 2.0, *final[3:]]
    assert rank_correlation(64, early, final) is not None
    assert rank_correlation(64, early, final) == rank_correlation(64, early, final)


def rungs(trial: int, kid: float | None) -> list[RungRecord]:
    """Of a training whose early FIDs rank the wrong way round."""
    about: dict[str, Any] = {"trial": trial, "kid": kid, "fid_samples": 9, "fid_extractor": "x"}
    about |= {
        "fid_seed": 0,
        "kd_weight": 0,
        "losses": {},
        "seconds": 1,
        "worker": "here",
        "checkpoint": "a",
        "sha256": "",
    }
    return [
        RungRecord(rung=0, images=100, fid=20.0 - trial, **about),
        RungRecord(rung=1, images=200, fid=float(trial), **about),
    ]


def test_every_rung_is_compared_with_the_last_by_its_fids_and_its_kids() -> None:
    found = rung_correlations([rungs(trial, trial / 100) for trial in range(10)])
    assert [(c.metric, c.images, c.architectures) for c in found] == [("fid", 100, 10), ("kid", 100, 10)]
    assert [c.spearman for c in found] == pytest.approx([-1.0, 1.0])


def test_kids_that_only_some_noted_are_not_compared() -> None:
    found = rung_correlations([rungs(trial, trial / 100 if trial else None) for trial in range(10)])
    assert [c.metric for c in found] == ["fid"]
    assert rung_correlations([]) == []
