"""Which results are taken for failed runs, and what follows."""

import math

import pytest

from nas.ranking.successive_halving import RungBoard
from tests.nas.ranking.boards import board_of


@pytest.mark.parametrize(("others", "fid", "wrong"), [(5, 31.0, True), (5, 29.0, False), (4, 999.0, False)])
def test_three_times_the_median_of_five_that_cost_no_more_is_a_run_that_went_wrong(
    others: int, fid: float, wrong: bool
) -> None:
    board = board_of([(fid, 2e6), *((10.0 + (i - 2) / 10, 1e6) for i in range(others))])
    assert board.failed(0, 0) == wrong


def test_a_good_cheap_architecture_beside_dear_ones_did_not_go_wrong() -> None:
    expensive = [(10.0, 9e6)] * 20
    cheap = [(35.0, 1e6), (38.0, 1.1e6), (36.0, 1.2e6), (40.0, 0.9e6), (37.0, 1.3e6)]
    board = board_of([*expensive, *cheap, (39.0, 1.4e6), (130.0, 1.4e6)])
    assert not board.failed(25, 0)
    assert board.failed(26, 0)


def test_where_too_few_cost_no_more_nothing_is_taken_for_a_failure() -> None:
    board = board_of([(3.0, 9e6)] * 20 + [(20.0, 2e6)] * 4 + [(100.0, 3e6)])
    assert not board.failed(24, 0)
    board.add(25, 0, (22.0, 1e6))
    assert board.failed(24, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_without_a_finite_fid_a_run_went_wrong_whoever_else_is_there(value: float) -> None:
    assert board_of([(value, 1e6)]).failed(0, 0)


def test_a_replicate_goes_wrong_like_any_other_run() -> None:
    board = board_of([(10.0, 1e6)] * 5)
    board.replicate(5, 0)
    board.add(5, 0, (31.0, 1e6))
    assert board.failed(5, 0)
    board.discard(5)
    assert {trial for trial, _, _ in board.results()} == set(range(5))


@pytest.mark.parametrize("replicate", [False, True])
@pytest.mark.parametrize("protected", [(), (0,)])
def test_a_trial_promoted_among_few_has_not_failed_when_it_is_reported_again(
    replicate: bool, protected: tuple[int, ...]
) -> None:
    board = RungBoard(3, protected=protected)
    if replicate:
        board.replicate(0, 1)
    board.add(0, 0, (100.0, 2e6))
    assert not board.failed(0, 0)
    assert board.decide(0, 0)
    for rival in range(1, 6):
        board.add(rival, 0, (10.0, 1e6))
    board.add(0, 0, (100.0, 2e6))
    assert not board.failed(0, 0)


def test_a_trial_promoted_from_a_rung_has_not_failed_there() -> None:
    board = board_of([(100.0, 2e6)])
    assert board.decide(0, 0)
    for rival in range(1, 6):
        board.add(rival, 0, (10.0, 1e6))
    assert not board.failed(0, 0)


def test_what_is_discarded_counts_no_more() -> None:
    points = [(10.0 + trial, 1e6 + trial) for trial in range(6)]
    board = board_of([*points, (5.0, 1.0)])
    board.add(6, 1, (90.0, 1.0))
    board.discard(6)
    assert board.discarded == {6}
    assert board.order(0) == board_of(points).order(0)
    assert board.quota(0) == board_of(points).quota(0)
    assert 6 not in {trial for trial, _, _ in board.results()}
