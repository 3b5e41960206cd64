"""Where trials come from: the part that searching and training finalists have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from distill.seeds import derive_seed
from nas.config import SearchConfig
from nas.study import StudyStore
from search_spaces import Architecture, SearchSpace, Utilisation

OF_THE_ARCHITECTURE = (
    *("latency", "latency_on", "architecture_json", "architecture"),
    *("baseline", "protected", "from_trial"),
)
"""Notes on a trial that further runs of its architecture share."""


@dataclass(frozen=True)
class Proposal:
    """One trial to train."""

    trial: int  # its number in the study
    architecture: Architecture
    seed: int  # of its training
    start_rung: int = 0  # earlier rungs are recorded already
    baseline: bool = False  # a uniformly slimmed teacher
    protected: bool = False  # never stopped early
    replicate_of: int | None = None  # the first trial of the architecture; never stopped early, too
    retried: bool = False  # the second try of a run that went wrong


class TrialSource:
    """What to train next, from a study: first what was interrupted, then second tries, then `_fresh` trials.

    Making one changes nothing in the study.
    """

    exhausted = ""  # why there is no more to train, where more was asked for

    def __init__(
        self, store: StudyStore, space: SearchSpace, utilisation: Utilisation, config: SearchConfig
    ) -> None:
        self._store, self.space, self._utilisation, self._config = store, space, utilisation, config
        self._interrupted = deque(t for t in self._trials if t.state == TrialState.RUNNING)
        self._retries: deque[Proposal] = deque()
        self._tried_again = {t.user_attrs.get("retry_of") for t in self._trials}

    @property
    def work_left(self) -> bool:
        """Whether there is anything to train."""
        return any("architecture" in t.user_attrs for t in self._interrupted)

    def next(self) -> Proposal | None:
        """The next trial; None when nothing more is known to be worth training, until a running one ends."""
        while self._interrupted:
            trial = self._interrupted.popleft()
            if trial.number in self._tried_again:  # it went wrong, and its second try is in the study
                self._store.study.tell(trial.number, state=TrialState.FAIL)
                continue
            if "architecture" in trial.user_attrs:
                rungs = self._store.rungs(trial.number)
                # The last recorded rung is replayed from its checkpoint: it may not have been judged yet.
                return self._proposal(trial, start_rung=rungs[-1].rung if rungs else 0)
            self._put_back(trial)
        if self._retries:
            return self._retries.popleft()
        self._store.check_lease()
        return self._fresh()

    def retry(self, number: int) -> int:
        """Train the architecture of the running trial `number`, whose run went wrong, once more.

        Returns the trial that does; it takes the place of `number`, which is still to be told.
        """
        self._store.check_lease()
        failed = self._trial(number)
        relation = {"retry_of": number}
        if "replicate_of" in failed.user_attrs:
            relation["replicate_of"] = failed.user_attrs["replicate_of"]
        seed = failed.user_attrs.get("seed", self._config.seed)
        proposal = self._again(failed, derive_seed(seed, "retry"), relation)
        self._store.trial(number).set_user_attr("retried_as", proposal.trial)
        self._retries.append(proposal)
        return proposal.trial

    def _fresh(self) -> Proposal | None:
        """A trial that is not in the study yet."""
        raise NotImplementedError

    def _put_back(self, trial: FrozenTrial) -> None:
        """Take note of a trial that was interrupted before it had an architecture."""

    @property
    def _trials(self) -> list[FrozenTrial]:
        """All of the study, by number."""
        return self._store.study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> FrozenTrial:
        found = self._store.frozen(number)
        assert found is not None
        return found

    def _replicate(self, first: FrozenTrial, count: int) -> Proposal:
        """The run number `count`, from 0, of the architecture of trial `first`: the same seed for all."""
        seed = derive_seed(self._config.seed, f"replicate {count}") if count else self._config.seed
        return self._again(first, seed, {"replicate_of": first.number})

    def _again(self, trial: FrozenTrial, seed: int, notes: Mapping[str, Any]) -> Proposal:
        kept = {name: trial.user_attrs[name] for name in OF_THE_ARCHITECTURE if name in trial.user_attrs}
        number = self._store.begin({**kept, "seed": seed, **notes}, like=trial)
        return self._proposal(self._trial(number))

    def _proposal(self, trial: FrozenTrial, start_rung: int = 0) -> Proposal:
        attributes = trial.user_attrs
        return Proposal(
            trial.number,
            type(self.space.smallest()).from_json(attributes["architecture_json"]),
            attributes.get("seed", self._config.seed),
            start_rung,
            "baseline" in attributes,
            attributes.get("protected", False),
            attributes.get("replicate_of"),
            "retry_of" in attributes,
        )


def link_second_tries(store: StudyStore) -> None:
    """Note who was tried again, where a run was killed between beginning the second try and noting it."""
    trials = store.study.get_trials(deepcopy=False)
    for again in trials:
        first = trials[again.user_attrs.get("retry_of", again.number)]
        if first is not again and first.state == TrialState.RUNNING:
            store.trial(first.number).set_user_attr("retried_as", again.number)
