"""Failed runs are tried again once, from another seed."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from optuna.trial import Trial, TrialState

from nas.study import StudyStore
from nas.trials import link_retries, measured_architectures
from search_spaces import SearchSpace
from tests.nas.trials.proposing import complete, drain, proposer


def test_a_failed_run_is_retried_from_another_seed_and_replaced(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    asking = proposer(store, space, trials=3)
    first = asking.next()
    assert first is not None
    number = asking.retry(first.trial)
    store.study.tell(first.trial, state=TrialState.FAIL)
    again = asking.next()
    assert again is not None
    assert (again.trial, again.architecture, again.retried) == (number, first.architecture, True)
    assert (again.baseline, again.protected, again.replicate_of) == (True, True, None)
    assert again.seed != first.seed
    trials = store.study.trials
    assert trials[first.trial].user_attrs["retried_as"] == number
    assert trials[number].params == trials[first.trial].params
    complete(store, space, again)
    rest = drain(store, space, asking)
    assert len(rest) == 2
    assert asking.asked == 3


def test_a_retry_survives_a_resume_as_one(opened: Callable[..., StudyStore], space: SearchSpace) -> None:
    store = opened()
    asking = proposer(store, space, trials=2)
    first = asking.next()
    assert first is not None
    asking.retry(first.trial)
    store.study.tell(first.trial, state=TrialState.FAIL)
    again = proposer(resumed := opened(), space, trials=2)
    proposed = drain(resumed, space, again)
    assert [proposal.retried for proposal in proposed] == [True, False]
    assert again.asked == 2


def test_a_retry_that_a_kill_left_unlinked_still_replaces_the_failed_run(
    opened: Callable[..., StudyStore], space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    asking = proposer(store, space, trials=1)
    first = asking.next()
    assert first is not None
    monkeypatch.setattr(Trial, "set_user_attr", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        asking.retry(first.trial)
    monkeypatch.undo()
    resumed = opened()
    link_retries(resumed)
    again = drain(resumed, space, proposer(resumed, space, trials=1))
    assert [proposal.retried for proposal in again] == [True]
    measured = measured_architectures(resumed.study.trials)
    assert [architecture.trial for architecture in measured] == [again[0].trial]


def test_a_failed_replicate_is_retried_as_the_same_replicate(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    asking = proposer(store, space, trials=1, replicates=4, seeds=3)
    first, replicate = asking.next(), None
    assert first is not None
    complete(store, space, first)
    replicate = asking.next()
    assert replicate is not None
    number = asking.retry(replicate.trial)
    store.study.tell(replicate.trial, state=TrialState.FAIL)
    again = asking.next()
    assert again is not None
    assert (again.trial, again.replicate_of, again.retried) == (number, first.trial, True)
    assert again.seed not in (first.seed, replicate.seed)
    complete(store, space, again)
    assert asking.asked == 1
    resumed = proposer(opened(), space, trials=1, replicates=4, seeds=3)
    last = resumed.next()
    assert last is not None
    assert last.replicate_of == first.trial  # the early two: the failed one does not count
    assert len({first.seed, replicate.seed, again.seed, last.seed}) == 4
