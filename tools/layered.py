"""Layered drawing of an acyclic graph: rows from top to bottom, few crossings, straight long arrows.

The steps are those of Sugiyama, Tagawa and Toda (1981): rows by longest paths, invisible points where an
arrow passes a row, an order in each row by means of neighbours, and positions by least squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 24  # down and up, of order and of positions
GAP = 14.0  # between neighbours of a row

Edges = Mapping[str, frozenset[str]]
Point = tuple[float, int]  # x and row


@dataclass(frozen=True)
class Layout:
    """Where everything is; x is the middle of a box."""

    boxes: dict[str, Point]
    arrows: dict[tuple[str, str], list[Point]]  # from box to box, by way of the rows between
    width: float
    rows: int


def reduced(edges: Edges) -> dict[str, frozenset[str]]:
    """`edges` without those that a longer path stands for (transitive reduction)."""
    below = {node: _reachable(edges, node) for node in edges}
    return {
        node: frozenset(n for n in found if not any(n in below[other] for other in found if other != n))
        for node, found in edges.items()
    }


def layout(edges: Edges, widths: Mapping[str, float]) -> Layout:
    """Positions of the nodes of `edges` (node ─► nodes below it), which are `widths` wide."""
    row_of = _rows(edges)
    chains = {
        (a, b): [a, *(f"{a} > {b} at {row}" for row in range(row_of[a] + 1, row_of[b])), b]
        for a in sorted(edges)
        for b in sorted(edges[a])
    }
    rows: list[list[str]] = [[] for _ in range(max(row_of.values()) + 1)]
    for node in sorted(row_of):
        rows[row_of[node]].append(node)
    for chain in chains.values():
        for i, point in enumerate(chain[1:-1], row_of[chain[0]] + 1):
            rows[i].append(point)
    steps = [step for chain in chains.values() for step in pairwise(chain)]
    _order(rows, steps)
    x = _positions(rows, steps, {**{n: 0.0 for row in rows for n in row}, **widths})
    left = min(x[node] - widths.get(node, 0.0) / 2 for node in x)
    right = max(x[node] + widths.get(node, 0.0) / 2 for node in x)
    at = {node: (x[node] - left, i) for i, row in enumerate(rows) for node in row}
    return Layout(
        {node: at[node] for node in row_of},
        {ends: [at[node] for node in chain] for ends, chain in chains.items()},
        right - left,
        len(rows),
    )


def _reachable(edges: Edges, node: str) -> frozenset[str]:
    found: set[str] = set()
    left = list(edges[node])
    while left:
        if (one := left.pop()) not in found:
            found.add(one)
            left += edges[one]
    return frozenset(found)


def _rows(edges: Edges) -> dict[str, int]:
    """Row of each node: the length of the longest path to it."""
    rows = dict.fromkeys(edges, 0)
    for _ in edges:  # longest paths have fewer steps than there are nodes
        for node, below in edges.items():
            for other in below:
                rows[other] = max(rows[other], rows[node] + 1)
    return rows


def _order(rows: list[list[str]], steps: Sequence[tuple[str, str]]) -> None:
    """Sort each row by the neighbours' places, and leave the order that has the fewest crossings."""
    best, fewest = [list(row) for row in rows], _crossings(rows, steps)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for i in range(1, len(rows)) if downwards else reversed(range(len(rows) - 1)):
            fixed = {node: place for place, node in enumerate(rows[i - 1 if downwards else i + 1])}
            near = _neighbours(rows[i], steps, fixed)
            old = {node: place for place, node in enumerate(rows[i])}
            means = {node: (_mean(near[node], place), place) for node, place in old.items()}
            rows[i].sort(key=means.__getitem__)
        if (found := _crossings(rows, steps)) < fewest:
            best, fewest = [list(row) for row in rows], found
    rows[:] = best


def _neighbours(
    row: Sequence[str], steps: Sequence[tuple[str, str]], places: Mapping[str, float]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {node: [] for node in row}
    for a, b in steps:
        if a in found and b in places:
            found[a].append(places[b])
        if b in found and a in places:
            found[b].append(places[a])
    return found


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: Sequence[Sequence[str]], steps: Sequence[tuple[str, str]]) -> int:
    place = {node: (i, j) for i, row in enumerate(rows) for j, node in enumerate(row)}
    count = 0
    for n, (a, b) in enumerate(steps):
        for c, d in steps[n + 1 :]:
            if place[a][0] == place[c][0]:
                count += (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
    return count


def _positions(
    rows: Sequence[Sequence[str]], steps: Sequence[tuple[str, str]], widths: Mapping[str, float]
) -> dict[str, float]:
    """x of each node: near the mean of its neighbours, in the order of its row, without overlap."""
    x: dict[str, float] = {}
    for row in rows:
        x |= dict(zip(row, _spread([0.0] * len(row), [widths[n] for n in row]), strict=True))
    for _ in range(SWEEPS):
        for row in (*rows, *reversed(rows)):
            near = _neighbours(row, steps, x)
            wanted = [_mean(near[node], x[node]) for node in row]
            x |= dict(zip(row, _spread(wanted, [widths[n] for n in row]), strict=True))
    return x


def _spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to `wanted`, in least squares, that keep order and gaps: isotonic regression."""
    offsets = [0.0]
    for one, other in pairwise(widths):
        offsets.append(offsets[-1] + (one + other) / 2 + GAP)
    blocks: list[tuple[float, int]] = []  # mean and size of what touches
    for value in (w - o for w, o in zip(wanted, offsets, strict=True)):
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    means = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
