"""From noisy FIDs to an answer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas.ranking import NoiseFloor
from nas.ranking.pareto import dominates
from nas.ranking.posterior import (
    CERTAIN,
    Measured,
    Selection,
    next_replicate,
    noise_floor,
    select,
    variance_of_median,
)

FLOOR = NoiseFloor(0.1, 4)


@st.composite
def studies(draw: st.DrawFn, runs: int | None = None) -> list[Measured]:
    """Architectures, each with `runs` runs or one to three."""
    count = draw(st.integers(1, 8))
    return [
        Measured(
            trial,
            draw(st.integers(1, 5)) * 10**6,
            tuple(draw(st.floats(5, 200)) for _ in range(runs or draw(st.integers(1, 3)))),
        )
        for trial in range(count)
    ]


# Posterior estimates


def test_an_architecture_is_log_fids_the_median_of_its_runs() -> None:
    assert Measured(0, 10**6, (30.0, 10.0, 11.0)).fid == 11.0


@given(st.integers(1, 3).flatmap(lambda runs: studies(runs=runs)))
def test_at_equal_cost_and_equal_numbers_of_runs_the_order_is_that_of_medians(
    measured: list[Measured],
) -> None:
    alike = [replace(m, macs=10**6) for m in measured]
    found = select(alike, FLOOR)
    assert found.best is not None
    assert found.best.fid == pytest.approx(min(m.fid for m in measured))
    for one in alike:
        for other in alike:
            if one.fid < other.fid * (1 - 1e-9):
                assert found.estimates[one.trial] < found.estimates[other.trial]


@given(studies())
def test_at_equal_cost_expectations_lie_between_medians_and_their_mean(measured: list[Measured]) -> None:
    alike = [replace(m, macs=10**6) for m in measured]
    centre = math.exp(sum(math.log(m.fid) for m in alike) / len(alike))
    for m in alike:
        low, high = sorted((m.fid, centre))
        assert low * 0.999 <= select(alike, FLOOR).estimates[m.trial] <= high * 1.001


def test_the_prior_mean_of_an_architecture_follows_its_cost() -> None:
    line = [Measured(trial, 2**trial * 10**6, (64.0 / 2**trial,)) for trial in range(6)]
    found = select(line, FLOOR)
    assert all(found.estimates[m.trial] == pytest.approx(m.fid) for m in line)
    assert found.within_margin == ()


def test_noise_is_estimated_from_runs_that_nothing_was_selected_by() -> None:
    lucky = Measured(0, 10**6, (5.0, 10.0, 10.0))
    assert noise_floor([lucky]) == NoiseFloor.of([(10.0, 10.0)])
    assert noise_floor([replace(lucky, selected=False)]) == NoiseFloor.of([lucky.fids])
    assert noise_floor([Measured(0, 10**6, (5.0,))]).replicates == 0


@pytest.mark.parametrize("count", range(1, 9))
def test_the_variance_of_a_median_is_known(count: int) -> None:
    medians = np.median(np.random.default_rng(0).standard_normal((40_000, count)), axis=1)
    assert variance_of_median(count) == pytest.approx(medians.var(), rel=0.2)


def test_a_single_lucky_run_does_not_beat_a_well_measured_architecture_within_the_margin() -> None:
    rest = [Measured(trial, 10**6, (fid,)) for trial, fid in enumerate((22.0, 24.0, 26.0, 28.0), start=2)]
    known, lucky = Measured(0, 10**6, (20.0, 20.2, 19.8)), Measured(1, 10**6, (19.5,))
    found = select([known, lucky, *rest], FLOOR)
    assert found.best == known
    assert lucky in found.within_margin
    far_better = Measured(1, 10**6, (10.0,))  # more than luck explains
    assert select([known, far_better, *rest], FLOOR).best == far_better


# Best, front, what is within the margin


def test_of_nothing_nothing_is_best() -> None:
    assert select([], FLOOR) == Selection(None, (), (), {})


@given(studies())
def test_the_front_is_what_no_expectation_dominates_cheapest_first(measured: list[Measured]) -> None:
    found = select(measured, FLOOR)
    points = {m.trial: (math.log(found.estimates[m.trial]), float(m.macs)) for m in measured}
    assume(len({round(fid, 9) for fid, _ in points.values()}) == len(points))
    expected = {
        trial for trial, point in points.items() if not any(dominates(p, point) for p in points.values())
    }
    assert {m.trial for m in found.front} == expected
    assert [m.macs for m in found.front] == sorted(m.macs for m in found.front)
    assert found.best in found.front


def test_within_the_margin_is_who_is_less_than_two_standard_errors_behind_the_best() -> None:
    measured = [Measured(trial, 10**6, (fid,)) for trial, fid in enumerate((20.0, 21.0, 60.0, 120.0, 20.5))]
    assert [m.trial for m in select(measured, FLOOR).within_margin] == [4, 1]
    assert select(measured, NoiseFloor(1e-3, 4)).within_margin == ()


@given(studies())
def test_the_best_is_not_within_its_own_margin(measured: list[Measured]) -> None:
    found = select(measured, FLOOR)
    assert found.best not in found.within_margin
    assert len(set(found.within_margin)) == len(found.within_margin)


# Where seeds are spent


def test_no_seed_is_spent_on_what_is_certain() -> None:
    assert next_replicate([], FLOOR, 3) is None
    assert next_replicate([Measured(0, 10**6, (20.0,))], FLOOR, 3) is None
    apart = [Measured(trial, (5 - trial) * 10**6, (20.0 * 3**trial,)) for trial in range(4)]
    assert next_replicate(apart, FLOOR, 3) is None
    assert next_replicate(apart, NoiseFloor(2.0, 4), 3) is not None


def test_the_best_and_its_nearest_rival_come_first_and_of_the_two_who_has_fewer_runs() -> None:
    far = [Measured(trial, 10**6, (fid,)) for trial, fid in enumerate((60.0, 61.0, 200.0), start=3)]
    best, near = Measured(0, 2 * 10**6, (20.0,)), Measured(1, 10**6, (21.0,))
    also = Measured(2, 10**6, (22.0,))
    assert next_replicate([best, near, also, *far], FLOOR, 3) == best
    twice = Measured(0, 2 * 10**6, (20.0, 20.0))
    assert next_replicate([twice, near, also, *far], FLOOR, 3) == near
    assert next_replicate([twice, near, also, *far], FLOOR, 3, busy=[1]) == also


def test_when_the_best_is_certain_seeds_go_to_who_may_be_on_the_front() -> None:
    best = Measured(0, 5 * 10**6, (5.0,))
    cheap = [Measured(1, 10**6, (60.0,)), Measured(2, 2 * 10**6, (61.0,))]
    chosen = next_replicate([best, *cheap], FLOOR, 3)
    assert chosen in cheap


@given(studies(), st.integers(1, 4), st.sets(st.integers(0, 7)))
def test_a_seed_is_never_spent_beyond_the_most_on_who_is_busy_or_on_a_certain_difference(
    measured: list[Measured], most: int, busy: set[int]
) -> None:
    chosen = next_replicate(measured, FLOOR, most, busy)
    if chosen is None:
        return
    assert len(chosen.fids) < most
    assert chosen.trial not in busy
    log_fids = {trial: math.log(fid) for trial, fid in select(measured, FLOOR).estimates.items()}
    assert any(
        abs(log_fids[chosen.trial] - log_fids[m.trial]) < CERTAIN * math.sqrt(2) * FLOOR.sigma
        for m in measured
        if m != chosen
    )


@given(studies(), st.integers(1, 3))
def test_seeds_are_spent_up_at_some_time(measured: list[Measured], most: int) -> None:
    spent = 0
    while (chosen := next_replicate(measured, FLOOR, most)) is not None:
        place = next(i for i, m in enumerate(measured) if m.trial == chosen.trial)
        measured[place] = Measured(chosen.trial, chosen.macs, (*chosen.fids, chosen.fid))
        spent += 1
    assert spent <= most * len(measured)
