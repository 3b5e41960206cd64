"""Budgets to sample under, and sources of choices that watch what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import RandomSuggest, SearchSpace, Utilisation


def of_smallest(space: SearchSpace, macs: float | None = None, params: float | None = None) -> Utilisation:
    """The utilisation under one or two limits, given as multiples of the smallest student's cost."""
    smallest = space.smallest()

    def utilisation(architecture: Any) -> float:
        parts = [space.macs(architecture) / (macs * space.macs(smallest))] if macs else []
        parts += [space.params(architecture) / (params * space.params(smallest))] if params else []
        return max(parts)

    return utilisation


def of_teacher(space: SearchSpace, fraction: float) -> Utilisation:
    """The utilisation under a limit of MACs, given as a fraction of the teacher's."""
    limit = fraction * space.macs(space.largest())
    return lambda architecture: space.macs(architecture) / limit


def student(space: SearchSpace, seed: int, fraction: float) -> Any:
    """A random one of at most that fraction of the teacher's MACs, or of the smallest student's."""
    limit = max(space.macs(space.smallest()), fraction * space.macs(space.largest()))
    return space.sample(RandomSuggest(seed), lambda architecture: space.macs(architecture) / limit)


def students(space: Any, seed: int, fraction: float, count: int = 5) -> list[Any]:
    """Random ones of at most that fraction of the teacher's MACs, where some are that small."""
    utilisation = of_teacher(space, fraction)
    return [space.sample(RandomSuggest(seed + i), utilisation) for i in range(count)]


class CheckedChoices:
    """Answers from a table, as an enqueued trial gives them; every answer is one that may be given."""

    def __init__(self, choices: Mapping[str, Any]) -> None:
        self.choices = choices
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked.append(name)
        assert self.choices[name] in choices
        return self.choices[name]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.asked.append(name)
        assert low <= self.choices[name] <= high
        return int(self.choices[name])

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append(name)
        assert low <= self.choices[name] <= high
        return float(self.choices[name])


def in_full(choices: Mapping[str, Any]) -> CheckedChoices:
    """`choices` with the whole budget as target."""
    return CheckedChoices({"budget_fraction": 1.0, **choices})
