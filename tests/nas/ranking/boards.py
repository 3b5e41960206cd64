"""Boards of rungs for tests."""

from typing import Any

from nas.ranking.pareto import Point
from nas.ranking.successive_halving import RungBoard


def board_of(points: list[Point], factor: float = 3.0, **options: Any) -> RungBoard:
    board = RungBoard(3, factor, **options)
    for trial, point in enumerate(points):
        board.add(trial, 0, point)
    return board


def promoted_trials(board: RungBoard, count: int) -> list[int]:
    return [trial for trial in range(count) if board.decide(trial, 0)]
