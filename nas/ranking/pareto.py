"""Dominance, fronts, spread and hypervolume for two objectives, both minimised.

A point with a NaN or infinite coordinate is a failed result: it dominates nothing, every finite point
dominates it, it is on no front and has no hypervolume.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]


def finite(point: Point) -> bool:
    """Whether both coordinates are finite."""
    return math.isfinite(point[0]) and math.isfinite(point[1])


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is at least as good as `b` in both objectives and better in one."""
    if not finite(a):
        return False
    if not finite(b):
        return True
    return a[0] <= b[0] and a[1] <= b[1] and a != b


def nondominated_ranks(points: Sequence[Point]) -> list[int]:
    """Front number of every point: 0 for the non-dominated, 1 for those only front 0 dominates, and so on.

    Equal points share a front. Points that are not finite share the number after the last front.
    Takes O(n log n): points are visited in lexicographic order, so a front dominates a new point exactly when
    the front's lowest second coordinate does not exceed the point's.
    """
    ranks = [-1] * len(points)
    lowest: list[float] = []  # per front, ascending
    previous: int | None = None
    for index in sorted((i for i, point in enumerate(points) if finite(point)), key=lambda i: points[i]):
        if previous is not None and points[index] == points[previous]:
            ranks[index] = ranks[previous]
            continue
        second = points[index][1]
        rank = bisect_right(lowest, second)
        if rank == len(lowest):
            lowest.append(second)
        else:
            lowest[rank] = second
        ranks[index] = rank
        previous = index
    return [len(lowest) if rank < 0 else rank for rank in ranks]


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the non-dominated points, by ascending first objective (then by index)."""
    ranks = nondominated_ranks(points)
    members = [i for i, rank in enumerate(ranks) if rank == 0 and finite(points[i])]
    return sorted(members, key=lambda i: (points[i], i))


def crowding(points: Sequence[Point]) -> list[float]:
    """Crowding distance of each point of one front: larger where the front is sparse.

    As in NSGA-II (Deb et al. 2002, section III-B): the gap between the two neighbours divided by the range of
    the front, summed over the objectives. The ends are infinite. Equal points count as one.
    """
    ordered = sorted(set(points))
    spread = dict.fromkeys(ordered, math.inf)
    for before, point, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
        spread[point] = 0.0
        for axis in (0, 1):
            extent = abs(ordered[-1][axis] - ordered[0][axis])
            if extent > 0:
                spread[point] += abs(after[axis] - before[axis]) / extent
    return [spread[point] for point in points]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Area that `points` dominate, bounded by `reference`; points not better than it in both add nothing."""
    inside = [
        point for point in points if finite(point) and point[0] < reference[0] and point[1] < reference[1]
    ]
    steps = [inside[i] for i in front(inside)]
    ends = [*(x for x, _ in steps), reference[0]]
    return sum(
        (right - left) * (reference[1] - y)
        for (left, right), (_, y) in zip(pairwise(ends), steps, strict=True)
    )
