"""Where trials come from: the part that searching and training finalists have in common."""

from __future__ import annotations

from collections import deque
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from distill.seeds import derive_seed
from nas.config import SearchConfig
from nas.study import StudyStore
from nas.trials.attributes import TrialAttributes
from nas.trials.proposal import Proposal
from search_spaces import SearchSpace, Utilisation


class TrialSource:
    """What to train next, from a study: first interrupted trials, then retries, then `_fresh` trials.

    Making one changes nothing in the study.
    """

    exhausted = ""  # why there is no more to train, where more was asked for

    def __init__(
        self, store: StudyStore, space: SearchSpace, utilisation: Utilisation, config: SearchConfig
    ) -> None:
        self._store, self.space, self._utilisation, self._config = store, space, utilisation, config
        self._interrupted = deque(t for t in self._trials if t.state == TrialState.RUNNING)
        self._retries: deque[Proposal] = deque()
        self._retried = {TrialAttributes.from_trial(t).retry_of for t in self._trials}

    @property
    def work_left(self) -> bool:
        """Whether there is anything to train."""
        return any(TrialAttributes.from_trial(t).architecture for t in self._interrupted)

    def next(self) -> Proposal | None:
        """The next trial; None when nothing needs training until a running trial ends."""
        while self._interrupted:
            trial = self._interrupted.popleft()
            if trial.number in self._retried:  # it failed, and its retry is in the study
                self._store.study.tell(trial.number, state=TrialState.FAIL)
                continue
            if TrialAttributes.from_trial(trial).architecture:
                rungs = self._store.rungs(trial.number)
                # The last recorded rung is replayed from its checkpoint: it may not have been judged yet.
                return self._proposal(
                    trial, start_rung=rungs[-1].rung if rungs else 0, rungs_before=len(rungs)
                )
            self._put_back(trial)
        if self._retries:
            return self._retries.popleft()
        self._store.check_lease()
        return self._fresh()

    def retry(self, number: int) -> int:
        """Train the architecture of the running trial `number`, which failed, once more.

        Returns the trial that does; it replaces `number`, whose failure is still to be reported.
        """
        self._store.check_lease()
        failed = self._trial(number)
        attributes = TrialAttributes.from_trial(failed)
        seed = derive_seed(self._config.seed if attributes.seed is None else attributes.seed, "retry")
        proposal = self._rerun(failed, seed=seed, retry_of=number, replicate_of=attributes.replicate_of)
        TrialAttributes(retried_as=proposal.trial).write(self._store.trial(number))
        self._retries.append(proposal)
        return proposal.trial

    def _fresh(self) -> Proposal | None:
        """A trial that is not in the study yet."""
        raise NotImplementedError

    def _put_back(self, trial: FrozenTrial) -> None:
        """Keep a trial that was interrupted before its architecture was sampled."""

    @property
    def _trials(self) -> list[FrozenTrial]:
        """All of the study, by number."""
        return self._store.study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> FrozenTrial:
        found = self._store.frozen(number)
        assert found is not None
        return found

    def _replicate(self, first: FrozenTrial, count: int) -> Proposal:
        """The run number `count`, from 0, of the architecture of trial `first`.

        Run number `count` has the same seed for every architecture.
        """
        seed = derive_seed(self._config.seed, f"replicate {count}") if count else self._config.seed
        return self._rerun(first, seed=seed, replicate_of=first.number)

    def _rerun(self, trial: FrozenTrial, **changes: Any) -> Proposal:
        """A new run of the architecture of `trial`, with these attributes of its own."""
        attributes = TrialAttributes.from_trial(trial).for_another_run(**changes)
        number = self._store.begin(attributes.stored(), like=trial)
        return self._proposal(self._trial(number))

    def _proposal(self, trial: FrozenTrial, start_rung: int = 0, rungs_before: int | None = None) -> Proposal:
        attributes = TrialAttributes.from_trial(trial)
        return Proposal(
            trial=trial.number,
            architecture=type(self.space.smallest()).from_json(attributes.architecture_json),
            seed=self._config.seed if attributes.seed is None else attributes.seed,
            start_rung=start_rung,
            rungs_before=rungs_before,
            baseline=attributes.baseline is not None,
            protected=attributes.protected,
            replicate_of=attributes.replicate_of,
            finalist=attributes.search_trial is not None,
            retried=attributes.retry_of is not None,
        )


def link_retries(store: StudyStore) -> None:
    """Note on each failed trial which trial retries it, where a run was killed before it could."""
    trials = store.study.get_trials(deepcopy=False)
    for retry in trials:
        failed = TrialAttributes.from_trial(retry).retry_of
        if failed is not None and trials[failed].state == TrialState.RUNNING:
            TrialAttributes(retried_as=retry.number).write(store.trial(failed))
