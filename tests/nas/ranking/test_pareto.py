"""Dominance, fronts, spread and hypervolume, both objectives minimised."""

import math
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.ranking.pareto import Point, crowding, dominates, finite, front, hypervolume, nondominated_ranks

small = st.integers(0, 6).map(float)  # few values, so that ties and repeats are common
coordinate = st.one_of(small, st.sampled_from([math.nan, math.inf, -math.inf]))
points_with_failures = st.lists(st.tuples(coordinate, coordinate), max_size=25)
finite_points = st.lists(st.tuples(small, small), max_size=25)


@given(
    st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate)
)
def test_dominance_is_a_strict_order(a: Point, b: Point, c: Point) -> None:
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    if dominates(a, b) and dominates(b, c):
        assert dominates(a, c)


def test_dominance_is_no_worse_in_both_and_better_in_one() -> None:
    assert dominates((1, 2), (1, 3))
    assert dominates((1, 2), (2, 2))
    assert not dominates((1, 3), (2, 2))
    assert not dominates((1, 2), (1, 2))
    assert dominates((9, 9), (math.nan, 0))
    assert not dominates((math.nan, 0), (9, 9))
    assert not dominates((-math.inf, 0), (9, 9))  # no FID is -inf: something went wrong


@given(points_with_failures)
def test_ranks_are_what_peeling_off_one_front_after_another_gives(points: list[Point]) -> None:
    expected: dict[int, int] = {}
    rank = 0
    while len(expected) < len(points):
        left = [i for i in range(len(points)) if i not in expected]
        peel = [i for i in left if not any(dominates(points[j], points[i]) for j in left)]
        expected |= dict.fromkeys(peel, rank)
        rank += 1
    assert nondominated_ranks(points) == [expected[i] for i in range(len(points))]


@given(points_with_failures)
def test_the_front_is_every_finite_point_that_nothing_dominates_in_order(points: list[Point]) -> None:
    members = front(points)
    assert set(members) == {
        i for i, p in enumerate(points) if finite(p) and not any(dominates(q, p) for q in points)
    }
    assert [points[i][0] for i in members] == sorted(points[i][0] for i in members)


def test_thousand_points_are_ranked_in_less_than_50_ms() -> None:
    rng = random.Random(0)
    points = [(rng.random(), rng.random()) for _ in range(1000)]
    took = []
    for _ in range(5):
        began = time.perf_counter()
        nondominated_ranks(points)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05


def test_spread_is_the_gap_between_neighbours_and_infinite_at_the_ends() -> None:
    assert crowding([(0, 10), (1, 9), (8, 2), (10, 0)]) == pytest.approx([math.inf, 1.6, 1.8, math.inf])
    assert crowding([]) == []
    assert crowding([(3, 3)]) == [math.inf]
    assert crowding([(3, 3), (3, 3)]) == [math.inf, math.inf]
    assert crowding([(0, 9), (4, 4), (4, 4), (9, 0)]) == [math.inf, 2.0, 2.0, math.inf]


@given(finite_points, st.permutations(range(25)))
def test_spread_does_not_depend_on_the_order(points: list[Point], order: list[int]) -> None:
    members = [points[i] for i in front(points)]
    shuffled = sorted(range(len(members)), key=lambda i: order[i])
    spread = crowding(members)
    assert crowding([members[i] for i in shuffled]) == [spread[i] for i in shuffled]


@given(points_with_failures)
def test_hypervolume_counts_the_cells_that_a_point_dominates(points: list[Point]) -> None:
    reference = (5.0, 4.0)
    cells = sum(
        any(finite(p) and p[0] <= x and p[1] <= y for p in points) for x in range(5) for y in range(4)
    )
    assert hypervolume(points, reference) == cells


@given(finite_points, st.tuples(small, small))
def test_hypervolume_never_falls_and_grows_exactly_with_an_undominated_point(
    points: list[Point], new: Point
) -> None:
    reference = (7.0, 7.0)
    before, after = hypervolume(points, reference), hypervolume([*points, new], reference)
    improves = not any(dominates(p, new) or p == new for p in points)
    assert (after > before) if improves else (after == before)
