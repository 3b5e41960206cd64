"""The results at one rung, kept in order: a study of ten thousand trials is judged once a result."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from nas.ranking.pareto import Point, crowding, finite


class RungResults:
    """(FID, MACs) by trial, as a mapping, and what their order says.

    Adding a result takes time linear in their number with a tiny constant; replacing and removing one, which
    is rare, sorts anew.
    """

    def __init__(self) -> None:
        self._points: dict[int, Point] = {}
        self._order: list[tuple[float, float, int]] = []  # finite ones: FID, MACs, trial
        self._levels: tuple[list[float], list[float]] = ([], [])  # different FIDs and MACs, ascending

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[int]:
        return iter(self._points)

    def __contains__(self, trial: int) -> bool:
        return trial in self._points

    def __getitem__(self, trial: int) -> Point:
        return self._points[trial]

    def items(self) -> Iterable[tuple[int, Point]]:
        """Trials and their points, in the order they were added."""
        return self._points.items()

    def __setitem__(self, trial: int, point: Point) -> None:
        is_new = trial not in self._points
        self._points[trial] = point
        if is_new:
            self._insert(trial, point)
        else:
            self._sort()

    def remove(self, trial: int) -> None:
        """Remove the result of `trial`, if it has one."""
        if self._points.pop(trial, None) is not None:
            self._sort()

    def _sort(self) -> None:
        self._order, self._levels = [], ([], [])
        for trial, point in self._points.items():
            self._insert(trial, point)

    def _insert(self, trial: int, point: Point) -> None:
        if finite(point):
            insort(self._order, (*point, trial))
        for levels, value in zip(self._levels, _comparable(point), strict=True):
            at = bisect_left(levels, value)
            if at == len(levels) or levels[at] != value:
                levels.insert(at, value)

    def fronts(self) -> list[list[int]]:
        """Trials by front, the non-dominated ones first, each front by trial number.

        As `nondominated_ranks`, without sorting.
        """
        found: list[list[int]] = []
        lowest: list[float] = []  # per front, ascending
        fid_before, macs_before, rank = math.nan, math.nan, 0
        for fid, macs, trial in self._order:
            if fid != fid_before or macs != macs_before:
                rank = bisect_right(lowest, macs)
                if rank == len(lowest):
                    lowest.append(macs)
                    found.append([])
                else:
                    lowest[rank] = macs
                fid_before, macs_before = fid, macs
            found[rank].append(trial)
        if len(self._order) < len(self._points):
            found.append([trial for trial, point in self._points.items() if not finite(point)])
        for front in found:
            front.sort()
        return found

    def by_spread(self, front: Iterable[int]) -> list[int]:
        """One front, members in sparse regions first; distances are in ranks among all results."""
        members = list(front)
        points = [self._ranks(self._points[trial]) for trial in members]
        entries = zip(crowding(points), points, members, strict=True)
        return [trial for _, _, trial in sorted((-spread, point, trial) for spread, point, trial in entries)]

    def _ranks(self, point: Point) -> Point:
        fid, macs = _comparable(point)
        return float(bisect_left(self._levels[0], fid)), float(bisect_left(self._levels[1], macs))

    def distances_within(self, macs: float, without: int) -> list[float]:
        """The FIDs, ascending, of all results but that of `without` that cost at most `macs`."""
        found = [fid for fid, cost, trial in self._order if cost <= macs and trial != without]
        if len(self._order) < len(self._points):
            others = ((t, p) for t, p in self._points.items() if not finite(p))
            found += [math.inf for trial, point in others if point[1] <= macs and trial != without]
        return found


def _comparable(point: Point) -> Point:
    """The point with infinity in place of what is not finite."""
    fid, macs = point
    return fid if math.isfinite(fid) else math.inf, macs if math.isfinite(macs) else math.inf
