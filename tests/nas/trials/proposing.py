"""Ask a proposer for trials, and report their results."""

from __future__ import annotations

from nas.config import SearchConfig
from nas.study import StudyStore
from nas.trials import Proposal
from nas.trials.proposer import Proposer
from search_spaces import SearchSpace

BUDGET = 1_000_000


def proposer(
    store: StudyStore,
    space: SearchSpace,
    trials: int = 8,
    budget: int = BUDGET,
    replicates: int = 0,
    seeds: int = 3,
) -> Proposer:
    config = SearchConfig.of(budget_macs=budget, trials=trials, replicates=replicates, seeds=seeds)
    return Proposer(store, space, config.budget.utilisation(space), config)


def complete(store: StudyStore, space: SearchSpace, proposal: Proposal) -> None:
    macs = space.macs(proposal.architecture)
    store.study.tell(proposal.trial, [1e8 / macs, macs])


def drain(store: StudyStore, space: SearchSpace, asking: Proposer) -> list[Proposal]:
    proposed = []
    while (proposal := asking.next()) is not None:
        proposed.append(proposal)
        complete(store, space, proposal)
    return proposed
