"""Known architectures are trained again from further seeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.trial import TrialState

from nas.study import StudyStore
from nas.trials import Proposal
from nas.trials.proposer import Proposer
from search_spaces import SearchSpace
from tests.nas.trials.proposing import complete, proposer


def reported(store: StudyStore, space: SearchSpace, asking: Proposer, fid: float = 40.0) -> list[Proposal]:
    """Everything proposed, where all architectures but the first are as good as `fid`."""
    proposed = []
    while (proposal := asking.next()) is not None:
        proposed.append(proposal)
        store.study.tell(proposal.trial, [fid if proposed else 2 * fid, space.macs(proposal.architecture)])
    return proposed


def replicates_of(proposed: list[Proposal]) -> list[Proposal]:
    return [proposal for proposal in proposed if proposal.replicate_of is not None]


def test_the_first_baseline_is_replicated_twice_once_a_third_of_the_trials_is_asked_for(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    proposed = reported(store := opened(), space, proposer(store, space, trials=9, replicates=4))
    assert [proposal.replicate_of for proposal in proposed[:6]] == [None, None, None, 0, 0, None]
    assert {proposal.architecture for proposal in proposed[3:5]} == {proposed[0].architecture}


@pytest.mark.parametrize("trials", [1, 2])
def test_the_fewest_trials_have_replicates_too(
    opened: Callable[..., StudyStore], space: SearchSpace, trials: int
) -> None:
    proposed = reported(store := opened(), space, proposer(store, space, trials=trials, replicates=4))
    assert proposed[0].replicate_of is None
    assert [proposal.replicate_of for proposal in proposed[1:3]] == [0, 0]
    assert len(proposed) - len(replicates_of(proposed)) == trials


@pytest.mark.parametrize("replicates", [0, 1, 3, 6])
def test_replicates_are_beside_the_trials_and_no_more_than_asked_for(
    opened: Callable[..., StudyStore], space: SearchSpace, replicates: int
) -> None:
    store = opened()
    asking = proposer(store, space, trials=6, replicates=replicates)
    proposed = reported(store, space, asking)
    assert len(replicates_of(proposed)) == replicates
    assert len({proposal.architecture for proposal in proposed}) == asking.asked == 6
    assert len(proposed) == 6 + replicates
    assert not asking.work_left


def test_no_architecture_has_more_seeds_than_asked_for(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    proposed = reported(store := opened(), space, proposer(store, space, trials=4, replicates=50, seeds=2))
    architectures = [proposal.architecture for proposal in proposed]
    assert max(architectures.count(architecture) for architecture in architectures) == 2


def test_a_replicate_is_its_architecture_once_more_from_a_seed_by_its_count(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    proposed = reported(store, space, proposer(store, space, trials=6, replicates=8))
    trials = store.study.trials
    seeds: dict[int, list[int]] = {}
    for proposal in replicates_of(proposed):
        first = trials[proposal.replicate_of or 0]
        assert trials[proposal.trial].params == first.params
        assert str(proposal.architecture) == first.user_attrs["architecture"]
        assert proposal.baseline == ("baseline" in first.user_attrs)
        seeds.setdefault(first.number, []).append(proposal.seed)
    assert {proposal.seed for proposal in proposed if proposal.replicate_of is None} == {0}
    assert len(seeds) > 1
    for drawn in seeds.values():
        assert 0 not in drawn
        assert len(set(drawn)) == len(drawn)
    assert len({drawn[0] for drawn in seeds.values()}) == 1  # the same luck for all


def test_replicates_survive_a_resume(opened: Callable[..., StudyStore], space: SearchSpace) -> None:
    store = opened()
    asking = proposer(store, space, trials=6, replicates=4)
    for _ in range(2):
        proposal = asking.next()
        assert proposal is not None
        complete(store, space, proposal)
    interrupted = asking.next()
    assert interrupted is not None
    assert interrupted.replicate_of == 0
    store = opened()
    asking = proposer(store, space, trials=6, replicates=4)
    assert asking.next() == interrupted
    complete(store, space, interrupted)
    rest = reported(store, space, asking, fid=1e3)
    assert len(replicates_of([interrupted, *rest])) == 4
    assert asking.asked == 6
    seeds = [p.seed for p in replicates_of([interrupted, *rest]) if p.replicate_of == 0]
    assert len(set(seeds)) == len(seeds)


def test_a_replicate_that_failed_is_not_repeated_from_its_own_seed(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    asking = proposer(store, space, trials=1, replicates=3, seeds=4)
    seeds = []
    while (proposal := asking.next()) is not None:
        seeds.append(proposal.seed)
        if proposal.replicate_of is None:
            complete(store, space, proposal)
        else:
            store.study.tell(proposal.trial, state=TrialState.FAIL)
    assert len(set(seeds)) == len(seeds)
