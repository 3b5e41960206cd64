"""The trials of a study in the memory of its one writer."""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState


class StudyTrials:
    """All trials of a study, by number. One that changes is replaced: readers keep what they have.

    Equal distributions are one object: thousands of trials have the same few.
    """

    def __init__(self, trials: Iterable[FrozenTrial]) -> None:
        self.distributions: dict[str, BaseDistribution] = {}  # by choice, as first seen
        self._trials: dict[int, FrozenTrial] = {}
        self._by_state: dict[TrialState, dict[int, FrozenTrial]] = {state: {} for state in TrialState}
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, number: int) -> FrozenTrial:
        return self._trials[number]

    def put(self, trial: FrozenTrial) -> None:
        """Add `trial`, or replace the one of its number."""
        trial.distributions = {name: self._shared(name, each) for name, each in trial.distributions.items()}
        if (former := self._trials.get(trial.number)) is not None:
            del self._by_state[former.state][trial.number]
        self._trials[trial.number] = self._by_state[trial.state][trial.number] = trial

    def change(self, number: int, **fields: Any) -> None:
        """Replace fields of trial `number`."""
        changed = copy.copy(self._trials[number])
        for name, value in fields.items():
            setattr(changed, name, value)
        self.put(changed)

    def extend(self, number: int, **mappings: Mapping[str, Any]) -> None:
        """Add entries to mappings of trial `number`, such as `params` and `user_attrs`."""
        trial = self._trials[number]
        self.change(number, **{name: getattr(trial, name) | added for name, added in mappings.items()})

    def among(self, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """The trials in these states, or all, by number."""
        if states is None:
            return list(self._trials.values())
        chosen = [self._by_state[state] for state in TrialState if state in states]
        return sorted((t for trials in chosen for t in trials.values()), key=lambda trial: trial.number)

    def _shared(self, name: str, distribution: BaseDistribution) -> BaseDistribution:
        known = self.distributions.setdefault(name, distribution)
        return known if known == distribution else distribution
