"""Sources of choices beside an Optuna trial: for previews, baselines and tests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search_spaces.base import Suggest


class RandomSuggest:
    """Independent uniform choices from a seed; stands in for an Optuna trial."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._rng.choice(choices)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self._rng.randint(low, high)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return math.exp(self._rng.uniform(math.log(low), math.log(high)))
        return self._rng.uniform(low, high)


class PartlyFixedSuggest:
    """Answers the choices of a table from it, all others from another source."""

    def __init__(self, source: Suggest, choices: Mapping[str, Any]) -> None:
        self._source, self._choices = source, choices

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return (
            self._choices[name] if name in self._choices else self._source.suggest_categorical(name, choices)
        )

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return (
            int(self._choices[name]) if name in self._choices else self._source.suggest_int(name, low, high)
        )

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if name in self._choices:
            return float(self._choices[name])
        return self._source.suggest_float(name, low, high, log=log)


class FixedSuggest:
    """Answers from a table, by name; a choice that is not in it raises a KeyError."""

    def __init__(self, choices: Mapping[str, Any]) -> None:
        self._choices = choices

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._choices[name]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self._choices[name])

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self._choices[name])


class SameAnswers:
    """Answers from another source, and repeats its answer when a name is asked for again."""

    def __init__(self, suggest: Suggest) -> None:
        self._suggest = suggest
        self._answers: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._once(name, lambda: self._suggest.suggest_categorical(name, choices))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self._once(name, lambda: self._suggest.suggest_int(name, low, high)))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self._once(name, lambda: self._suggest.suggest_float(name, low, high, log=log)))

    def _once(self, name: str, ask: Callable[[], Any]) -> Any:
        if name not in self._answers:
            self._answers[name] = ask()
        return self._answers[name]
