"""How far apart equal trainings end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.ranking import PRIOR_SIGMA, PRIOR_WEIGHT, NoiseFloor, log_fid

fids = st.floats(1, 1000)
runs = st.lists(st.lists(fids, min_size=1, max_size=5), max_size=6)


def pair(distance: float) -> list[float]:
    """Two runs whose log FIDs have this standard deviation."""
    return [10 * math.exp(distance / math.sqrt(2)), 10 * math.exp(-distance / math.sqrt(2))]


def test_before_anything_was_replicated_the_noise_is_the_assumption() -> None:
    for nothing in ([], [[10.0]], [[10.0], [500.0]]):
        assert NoiseFloor.of(nothing) == NoiseFloor(pytest.approx(PRIOR_SIGMA), 0)


def test_variances_within_architectures_are_pooled_with_the_assumption() -> None:
    floor = NoiseFloor.of([pair(0.3), pair(0.2), [10.0]])
    pooled = (PRIOR_WEIGHT * PRIOR_SIGMA**2 + 0.3**2 + 0.2**2) / (PRIOR_WEIGHT + 2)
    assert floor == NoiseFloor(pytest.approx(math.sqrt(pooled)), 2)


@pytest.mark.parametrize("true", [0.001, 0.05, 0.5])
def test_more_replicates_bring_it_nearer_to_the_data(true: float) -> None:
    away = [abs(NoiseFloor.of([pair(true)] * count).sigma - true) for count in (0, 1, 2, 5, 20, 500)]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 0.1 * away[0]


@given(runs)
def test_two_runs_that_agree_by_chance_do_not_make_a_study_free_of_noise(runs: list[list[float]]) -> None:
    floor = NoiseFloor.of(runs)
    assert floor.replicates == sum(len(fids) - 1 for fids in runs)
    assert floor.sigma >= PRIOR_SIGMA * math.sqrt(PRIOR_WEIGHT / (PRIOR_WEIGHT + floor.replicates)) * 0.999


@given(runs, st.lists(st.sampled_from([0.25, 1.0, 8.0]), min_size=6, max_size=6))
def test_neither_the_level_nor_the_unit_of_an_architectures_fids_is_noise(
    runs: list[list[float]], units: list[float]
) -> None:
    scaled = [[unit * fid for fid in fids] for unit, fids in zip(units, runs, strict=False)]
    assert NoiseFloor.of(scaled).sigma == pytest.approx(NoiseFloor.of(runs).sigma)


def test_an_fid_of_zero_or_below_is_a_very_good_one() -> None:
    assert log_fid(-1e-9) == log_fid(0.0) < log_fid(1e-3)
