"""Promotion to the next rung."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas.errors import ConfigError
from nas.ranking.pareto import Point, dominates
from nas.ranking.successive_halving import PREDICTION_ERROR_WEIGHT, PRIOR_PREDICTION_ERROR, RungBoard
from tests.nas.ranking.boards import board_of, promoted_trials

fid = st.floats(1, 1000)
macs = st.integers(10**5, 10**10).map(float)
failed = st.sampled_from([math.nan, math.inf])
results = st.lists(st.tuples(fid, macs), min_size=1, max_size=30)
results_with_failures = st.lists(st.tuples(st.one_of(fid, failed), macs), min_size=1, max_size=30)
factors = st.sampled_from([1.5, 2.0, 3.0, 4.0])
margins = st.sampled_from([0.0, 0.5, 1.0, 4.0])


# The laws of halving


@given(results, factors)
def test_a_result_that_dominates_the_rung_is_always_promoted(points: list[Point], factor: float) -> None:
    best = (min(p[0] for p in points) / 2, min(p[1] for p in points) / 2)
    for place in (0, len(points) // 2, len(points)):
        board = board_of([*points[:place], best, *points[place:]], factor)
        assert board.order(0)[0] == place
        assert board.decide(place, 0)


@given(results_with_failures, factors, margins)
def test_a_dominated_result_never_displaces_its_dominator(
    points: list[Point], factor: float, significance: float
) -> None:
    board = board_of(points, factor, significance=significance)
    position = {trial: place for place, trial in enumerate(board.order(0))}
    for a in range(len(points)):
        for b in range(len(points)):
            if dominates(points[a], points[b]):
                assert position[a] < position[b]
                assert board.decide(a, 0) or not board.decide(b, 0)


@given(st.sets(st.tuples(fid, macs), min_size=1, max_size=30).map(list), factors)
def test_one_in_the_reduction_factor_is_promoted_and_at_least_one(points: list[Point], factor: float) -> None:
    places = max(1, math.ceil(len(points) / factor))
    exact = promoted_trials(board_of(points, factor, significance=0), len(points))
    assert len(exact) == places
    with_margin = promoted_trials(board_of(points, factor), len(points))
    assert set(exact) <= set(with_margin)  # the margin promotes more, and stops none


@given(results_with_failures, factors, st.randoms(use_true_random=False))
def test_only_the_set_of_results_matters(points: list[Point], factor: float, rng: random.Random) -> None:
    board = RungBoard(3, factor)
    for trial in shuffled(points, rng):
        board.add(trial, 0, points[trial])
        board.add(trial, 0, points[trial])  # told twice, counted once
    assert board.order(0) == board_of(points, factor).order(0)


@given(results_with_failures, factors, st.sets(st.integers(0, 5)))
def test_the_quota_is_filled_by_the_first_in_order_that_are_not_protected(
    points: list[Point], factor: float, protected: set[int]
) -> None:
    board = board_of(points, factor, protected=protected)
    competing = [trial for trial in board.order(0) if trial not in protected]
    assert sorted(board.within_quota(0)) == sorted(competing[: board.quota(0)])


@given(results_with_failures, factors, margins, st.randoms(use_true_random=False))
def test_who_came_early_is_not_sent_back_and_who_is_judged_late_is_judged_by_the_set(
    points: list[Point], factor: float, significance: float, rng: random.Random
) -> None:
    board, whole = (
        RungBoard(3, factor, significance=significance),
        board_of(points, factor, significance=significance),
    )
    early = set()
    for trial in shuffled(points, rng):
        board.add(trial, 0, points[trial])
        if board.decide(trial, 0):
            early.add(trial)
    for trial in range(len(points)):
        assert board.decide(trial, 0) == (trial in early or whole.decide(trial, 0))


def shuffled(points: list[Point], rng: random.Random) -> list[int]:
    arrivals = list(range(len(points)))
    rng.shuffle(arrivals)
    return arrivals


# Rescaling an objective


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=30), factors)
def test_with_exact_fids_no_increasing_rescaling_of_an_objective_changes_a_decision(
    points: list[tuple[int, int]], factor: float
) -> None:
    plain = [(float(a), float(b)) for a, b in points]
    bent = [(math.exp(a), b**3 + b / 7) for a, b in plain]
    one, other = board_of(plain, factor, significance=0), board_of(bent, factor, significance=0)
    assert one.order(0) == other.order(0)
    assert promoted_trials(one, len(points)) == promoted_trials(other, len(points))


@given(results, factors, margins, st.sampled_from([2.0**-8, 0.5, 8.0]))
def test_the_unit_of_an_fid_changes_no_order_and_that_of_macs_no_decision(
    points: list[Point], factor: float, significance: float, unit: float
) -> None:
    plain = board_of(points, factor, significance=significance)
    assert board_of([(fid * unit, macs) for fid, macs in points]).order(0) == plain.order(0)
    cheaper = board_of([(fid, macs * unit) for fid, macs in points], factor, significance=significance)
    assert promoted_trials(cheaper, len(points)) == promoted_trials(plain, len(points))


# Noise


def prior_margin(significance: float = 1.0) -> float:
    return significance * PRIOR_PREDICTION_ERROR * math.sqrt(2)


@given(st.floats(0.01, 3), st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([1e6, 2e6, 3e6]))
def test_a_candidate_within_the_margin_of_one_inside_the_quota_of_no_fewer_macs_is_promoted(
    margins_behind: float, significance: float, macs: float
) -> None:
    behind = margins_behind * prior_margin()
    board = board_of([(10.0, 2e6), (10.0 * math.exp(behind), macs)], significance=significance)
    assume(abs(behind - prior_margin(significance)) > 1e-9)
    assert board.decide(0, 0)
    assert board.decide(1, 0) == (macs <= 2e6 and behind <= prior_margin(significance))


@pytest.mark.parametrize(("times", "promoted"), [(1.4, True), (1.6, False)])
def test_by_default_half_as_much_again_is_too_much_for_promotion(times: float, promoted: bool) -> None:
    board = board_of([(10.0, 2e6), (10.0 * times, 2e6)])
    assert board.decide(1, 0) is promoted


def test_replicates_do_not_count_towards_the_quota_and_are_no_rivals() -> None:
    points = [(50.0, 3e6), (60.0, 2e6), (70.0, 1e6), (500.0, 4e6)]
    board = board_of(points)
    for trial, fid in ((4, 1.0), (5, 900.0)):
        board.replicate(trial, 0)
        board.add(trial, 0, (fid, 3e6))
        assert board.decide(trial, 0)
    assert board.order(0) == board_of(points).order(0)
    assert board.quota(0) == board_of(points).quota(0)
    assert not board.decide(3, 0)
    assert {trial for trial, _, _ in board.results()} == {0, 1, 2, 3, 4, 5}


def test_a_replicate_without_a_finite_fid_is_not_promoted() -> None:
    board = board_of([(50.0, 1e6)])
    board.replicate(1, 0)
    board.add(1, 0, (math.nan, 1e6))
    assert not board.decide(1, 0)


def board_with_ends(ends: list[tuple[float, float]], behind: float = 0.0) -> RungBoard:
    """Two candidates, one `behind` the other in log FID; dearer ones have FIDs at the first and last rung."""
    board = board_of([(10.0, 2e6), (10.0 * math.exp(behind), 2e6)], 10.0, significance=1.0)
    for trial, (first, last) in enumerate(ends, start=2):
        board.add(trial, 0, (first, 3e6))
        board.add(trial, 2, (last, 3e6))
    return board


def test_rungs_that_ranked_well_narrow_the_margin_and_those_that_did_not_widen_it() -> None:
    alike = [(900.0 + trial, 90.0 + trial / 10) for trial in range(6)]
    apart = [(900.0, 900.0 * math.exp(trial - 3)) for trial in range(6)]
    assert prior_margin() == pytest.approx(0.283, abs=1e-3)
    for behind, promoted in ((0.25, (False, True, True)), (0.35, (False, False, True))):
        boards = [board_with_ends(ends, behind) for ends in (alike, [], apart)]
        assert tuple(board.decide(1, 0) for board in boards) == promoted


def test_the_prediction_error_is_of_changes_not_levels_and_of_those_trained_to_the_end() -> None:
    board = board_with_ends([(20.0, 10.0), (40.0, 20.0), (60.0, 30.0)])
    assert board.prediction_error(0) == pytest.approx(
        PRIOR_PREDICTION_ERROR * math.sqrt(PREDICTION_ERROR_WEIGHT / (PREDICTION_ERROR_WEIGHT + 2))
    )
    assert board.prediction_error(1) == PRIOR_PREDICTION_ERROR
    board.add(0, 2, (math.nan, 2e6))
    board.add(1, 2, (math.inf, 2e6))
    assert board.prediction_error(0) == pytest.approx(
        PRIOR_PREDICTION_ERROR * math.sqrt(PREDICTION_ERROR_WEIGHT / (PREDICTION_ERROR_WEIGHT + 2))
    )


# What the rule means for few results


def test_equals_are_promoted_together() -> None:
    assert promoted_trials(board_of([(50.0, 1e6)] * 4, significance=0), 4) == [0, 1, 2, 3]


def test_the_first_arrival_is_promoted() -> None:
    assert board_of([(900.0, 1e9)]).decide(0, 0)


def test_a_quota_of_one_promotes_the_lowest_fid_of_the_front() -> None:
    board = board_of([(50.0, 3e6), (100.0, 2e6), (700.0, 1e6)])
    assert promoted_trials(board, 3) == [0]


def test_the_ends_of_the_front_go_before_its_inside_and_the_inside_by_spread() -> None:
    front = [(10.0, 9e6), (11.0, 8e6), (12.0, 7e6), (50.0, 1e6)]
    behind = [(20.0, 20e6), (30.0, 30e6), (40.0, 40e6)]  # three places of FID between the front's last two
    assert board_of(front + behind).order(0)[:4] == [0, 3, 2, 1]
    assert board_of(front).order(0) == [0, 3, 1, 2]  # alike in places: the lower FID first


# Exceptions from the rule


def test_baselines_are_always_promoted_and_do_not_count_towards_the_quota() -> None:
    points = [(10.0, 1e6), (20.0, 2e6), (30.0, 3e6)]
    assert promoted_trials(board_of(points, protected=[2]), 3) == [0, 2]
    assert promoted_trials(board_of(points, protected=[0]), 3) == [0, 1]


def test_a_baseline_ranks_others_below_what_it_dominates() -> None:
    points = [(10.0, 2e6), (20.0, 3e6), (5.0, 4e6)]
    assert board_of(points, protected=[0]).order(0) == [2, 0, 1]
    assert promoted_trials(board_of(points, protected=[0]), 3) == [0, 2]


def test_nobody_is_stopped_at_the_last_rung() -> None:
    board = RungBoard(rungs=2)
    for trial in range(9):
        board.add(trial, 1, (10.0 + trial, 1e6 + trial))
    assert all(board.decide(trial, 1) for trial in range(9))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_failed_fid_is_not_promoted_however_few_its_macs(value: float) -> None:
    board = board_of([(value, 1.0)])
    assert not board.decide(0, 0)
    board.add(1, 0, (500.0, 1e9))
    assert promoted_trials(board, 2) == [1]


def test_an_fid_of_zero_or_a_rounding_error_below_is_a_very_good_one() -> None:
    assert promoted_trials(board_of([(0.0, 1e6), (-1e-9, 2e6), (5.0, 3e6)]), 3) == [0, 1]


@pytest.mark.parametrize("factor", [1.0, 0.0, -3.0, math.nan, math.inf])
def test_a_reduction_factor_that_halves_nothing_is_refused(factor: float) -> None:
    with pytest.raises(ConfigError, match=f"reduction factor {factor:g}"):
        RungBoard(3, factor)


# Replays


def test_a_promoted_trial_is_not_judged_again_when_its_rungs_are_replayed() -> None:
    board = board_of([(50.0, 2e6)])
    assert board.decide(0, 0)
    for rival, fid in enumerate((20.0, 10.0, 5.0), start=1):
        board.add(rival, 0, (fid, 1e6))
    board.add(0, 0, (50.0, 2e6))
    assert board.decide(0, 0)


def test_a_recorded_rung_means_that_the_earlier_ones_were_passed() -> None:
    board = board_of([(50.0, 2e6), (20.0, 1e6), (10.0, 1e6), (5.0, 1e6)])
    board.add(0, 1, (40.0, 2e6))
    assert board.decide(0, 0)
