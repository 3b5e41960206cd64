"""What is trained next: what was interrupted, the baselines, then whatever fits and nobody has trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import optuna
import pytest
from optuna.trial import Trial, TrialState

from distill.teachers import load_teacher
from nas.budget import Budget
from nas.config import SearchConfig
from nas.ranking import RungBoard
from nas.samplers import SAMPLERS, make_sampler, resume_seed
from nas.study import RungRecord, StudyAttributes, StudyStore
from nas.trials import Plan, Proposal, TrialAttributes, WarmStart, link_retries, measured_architectures
from nas.trials import proposer as proposals
from nas.trials.proposer import Proposer
from search_spaces import WITHIN_BUDGET, SearchSpace

BUDGET = 1_000_000


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    """The space below the built-in teacher: large enough for every sampler."""
    teacher = load_teacher()
    return teacher.family.space(teacher.generator.architecture)


@pytest.fixture
def opened(tmp_path: Path, space: SearchSpace) -> Iterator[Callable[..., StudyStore]]:
    """Opens the study, each time as a process of its own would."""
    stores: list[StudyStore] = []

    def open_study(sampler: str = "random") -> StudyStore:
        store = StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study")
        seed, utilisation = resume_seed(0, len(store.study.trials)), Budget(BUDGET).utilisation(space)
        store.study.sampler = make_sampler(sampler, seed, space, utilisation, RungBoard(3))
        stores.append(store)
        return store

    yield open_study
    for store in stores:
        store.close()


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


def rung(trial: int, number: int) -> RungRecord:
    return RungRecord(
        trial=trial, rung=number, images=64, fid=40.0, fid_samples=50, fid_extractor="digits", fid_seed=0,
        kd_weight=1.0, losses={}, seconds=1.0, worker="host:1", checkpoint="trials/x.pt", sha256="0" * 64,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sampler", [pytest.param(name, marks=[pytest.mark.slow] * (name == "gp")) for name in SAMPLERS]
)
def test_every_sampler_gives_the_asked_number_of_distinct_architectures_that_fit(
    sampler: str, opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened(sampler)
    proposed = drain(store, space, proposer(store, space, trials=14))
    assert len(proposed) == 14
    assert len({proposal.architecture for proposal in proposed}) == 14
    assert all(space.macs(proposal.architecture) <= BUDGET for proposal in proposed)
    assert [trial.state for trial in store.study.trials].count(TrialState.RUNNING) == 0


def test_uniform_width_baselines_come_first_and_the_first_is_protected(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    proposed = drain(store, space, proposer(store, space, trials=12))
    assert [proposal.baseline for proposal in proposed] == [True] * 3 + [False] * 9
    assert [proposal.protected for proposal in proposed] == [True] + [False] * 11
    for proposal, share in zip(proposed, WITHIN_BUDGET.baselines, strict=False):
        assert 0.6 * share * BUDGET < space.macs(proposal.architecture) <= share * BUDGET
        relative = [
            ours.channels / teachers.channels  # type: ignore[attr-defined]
            for ours, teachers in zip(proposal.architecture.blocks, space.largest().blocks, strict=True)  # type: ignore[attr-defined]
        ]
        assert max(relative) < 2 * min(relative)
        assert "uniform" in store.study.trials[proposal.trial].user_attrs["baseline"]


@pytest.mark.parametrize(
    ("trials", "baselines", "designs"),
    [(1, 1, 0), (2, 1, 0), (4, 1, 1), (6, 2, 1), (8, 2, 2), (10, 3, 2), (12, 3, 3), (100, 3, 3)],
)
def test_at_least_half_of_the_trials_are_left_to_the_sampler(
    trials: int, baselines: int, designs: int, space: SearchSpace
) -> None:
    plan = Plan.of(space, trials)
    assert (len(plan.baselines), len(plan.designs), plan.trials) == (baselines, designs, baselines + designs)
    assert plan.baselines == space.fractions.baselines[:baselines]
    assert [*plan.designs] == [
        {"budget_fraction": 1.0, **design} for design in space.initial_designs()[:designs]
    ]


def test_a_search_of_few_trials_trains_fewer_baselines_and_a_longer_one_the_rest(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    few = drain(store, space, proposer(store, space, trials=6))
    assert [proposal.baseline for proposal in few] == [True] * 2 + [False] * 4
    more = drain(store, space, proposer(opened(), space, trials=14))
    assert [proposal.baseline for proposal in more].count(True) == 1


# A budget that the teacher fits


def below_the_teacher(store: StudyStore, space: SearchSpace, trials: int = 12) -> Proposer:
    config = SearchConfig.of(budget_macs=5 * 10**9, trials=trials, replicates=0)
    searched = space.with_fractions(config.budget.fractions(space))
    return Proposer(store, searched, config.budget.utilisation(searched), config)


def test_below_the_teacher_baselines_and_designs_cost_a_half_a_quarter_and_a_tenth(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    proposed = drain(store := opened(), space, below_the_teacher(store, space))
    parts = [space.macs(proposal.architecture) / space.macs(space.largest()) for proposal in proposed]
    for part, most in zip(parts[:3], (0.5, 0.25, 0.1), strict=True):
        assert 0.6 * most < part <= most
    assert max(parts[3:6]) <= 0.5
    assert [proposal.protected for proposal in proposed[:3]] == [True, False, False]
    names = [store.study.trials[proposal.trial].user_attrs["baseline"] for proposal in proposed[:3]]
    assert names == [f"uniform, {part} of the teacher" for part in ("50%", "25%", "10%")]


def test_below_the_teacher_the_front_is_covered_from_a_tenth_to_the_whole(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    proposed = drain(store := opened(), space, below_the_teacher(store, space, trials=60))
    parts = sorted(space.macs(proposal.architecture) / space.macs(space.largest()) for proposal in proposed)
    assert parts[0] < 0.12
    assert parts[-1] > 0.6
    assert all(later / part < 1.6 for part, later in itertools.pairwise(parts))
    drawn = [store.study.trials[proposal.trial].params["budget_fraction"] for proposal in proposed]
    assert all(0.1 <= fraction <= 1 for fraction in drawn)


def test_the_teachers_own_architecture_is_a_known_result_and_never_trained(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    StudyAttributes(teacher_info={"fid": 0.82}).write(store.study)
    store.study.enqueue_trial({"budget_fraction": 1.0, **space.uniform()})
    asking = below_the_teacher(store, space)
    proposed = drain(store, space, asking)
    assert len(proposed) == asking.asked == 12
    assert space.largest() not in [proposal.architecture for proposal in proposed]
    known = store.study.trials[0]
    assert (known.state, known.values) == (TrialState.COMPLETE, [0.82, space.macs(space.largest())])
    assert TrialAttributes.from_trial(known).is_untrained
    assert not TrialAttributes.from_trial(known).is_run
    assert known.number not in [
        architecture.trial for architecture in measured_architectures(store.study.trials)
    ]


def test_the_teachers_own_architecture_is_not_trained_because_the_user_names_it(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store, config = opened(), SearchConfig.of(budget_macs=5 * 10**9, trials=8, replicates=0)
    given = WarmStart([space.largest(), space.smallest()])
    asking = Proposer(store, space, config.budget.utilisation(space), config, given)
    proposed = [proposal.architecture for proposal in drain(store, space, asking)]
    assert space.smallest() in proposed
    assert space.largest() not in proposed


def test_no_warm_start_trial_waits_when_there_are_more_than_trials(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store, config = opened(), SearchConfig.of(budget_macs=BUDGET, trials=4, replicates=0)
    fractions = [0.9 - i / 10 for i in range(6)]
    choices = [{"budget_fraction": fraction, **space.uniform()} for fraction in fractions]
    given = WarmStart([], choices)
    drain(store, space, Proposer(store, space, config.budget.utilisation(space), config, given))
    assert [t.state for t in store.study.trials] == [TrialState.COMPLETE] * 4
    assert [t.params["budget_fraction"] for t in store.study.trials][2:] == fractions[:2]
    more = config.model_copy(update={"trials": 6})
    drain(store, space, Proposer(store, space, config.budget.utilisation(space), more, given))
    tried = [t.params["budget_fraction"] for t in store.study.trials]
    assert set(fractions[:3]) <= set(tried)
    assert {t.state for t in store.study.trials} == {TrialState.COMPLETE}


def test_with_a_latency_limit_that_the_teacher_meets_its_architecture_is_the_baseline_and_is_trained(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    config = SearchConfig.of(budget_macs=5 * 10**9, budget_latency=0.03, trials=8, replicates=0)
    searched = space.with_fractions(config.budget.fractions(space))
    asking = Proposer(store, searched, config.budget.utilisation(searched), config)  # nothing is too slow
    proposed = drain(store, searched, asking)
    assert proposed[0].architecture == space.largest()
    assert proposed[0].baseline
    assert proposed[0].protected
    baseline = TrialAttributes.from_trial(store.study.trials[proposed[0].trial])
    assert baseline.is_run
    assert baseline.baseline == "uniform, 100% of the budget"
    assert len(proposed) == asking.asked == 8


def test_the_architecture_is_in_the_study_before_anybody_trains_it(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    proposal = proposer(store, space).next()
    assert proposal is not None
    attributes = store.study.trials[proposal.trial].user_attrs
    assert attributes["architecture"] == str(proposal.architecture)
    assert type(proposal.architecture).from_json(attributes["architecture_json"]) == proposal.architecture


def test_a_second_run_asks_for_the_rest_only(opened: Callable[..., StudyStore], space: SearchSpace) -> None:
    store = opened()
    first = drain(store, space, proposer(store, space, trials=12))
    store = opened()
    assert drain(store, space, proposer(store, space, trials=12)) == []
    second = drain(store, space, proposer(store, space, trials=16))
    assert len(second) == 4
    assert not any(proposal.baseline for proposal in second)
    assert not {proposal.architecture for proposal in first} & {proposal.architecture for proposal in second}


def test_failed_and_stopped_trials_are_not_tried_again(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    asking = proposer(store, space, trials=4)
    proposed = [asking.next() for _ in range(4)]
    for proposal, state in zip(proposed, [TrialState.FAIL, TrialState.PRUNED] * 2, strict=True):
        assert proposal is not None
        store.study.tell(proposal.trial, state=state)
    more = drain(store, space, proposer(opened(), space, trials=6))
    assert len(more) == 2
    assert not {p.architecture for p in more} & {p.architecture for p in proposed if p}


def test_interrupted_trials_come_first_under_their_own_number_from_their_last_rung(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    asking = proposer(store, space, trials=12)
    begun = [asking.next() for _ in range(11)]
    assert all(begun)
    for proposal in begun[:2]:
        assert proposal is not None
        complete(store, space, proposal)
    store.record_rung(rung(3, 0))
    store.record_rung(rung(3, 1))
    resumed = opened()
    asking = proposer(resumed, space, trials=12)
    again = [asking.next() for _ in range(9)]
    assert [proposal.trial for proposal in again if proposal] == list(range(2, 11))
    assert [proposal.architecture for proposal in again if proposal] == [
        p.architecture for p in begun[2:] if p
    ]
    assert [proposal.start_rung for proposal in again if proposal] == [0, 1] + [0] * 7
    assert [proposal.baseline for proposal in again if proposal] == [True] + [False] * 8
    last = asking.next()
    assert last is not None
    assert last.trial == 11
    assert asking.next() is None


def test_a_trial_that_died_while_it_was_asked_for_is_asked_for_again(
    opened: Callable[..., StudyStore], space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    asking = proposer(store, space, trials=12)
    answered = []

    def dies(trial: optuna.Trial, *args: Any, **kwargs: Any) -> Any:
        if len(answered) == 3:
            raise KeyboardInterrupt
        answered.append(trial.number)
        return suggest(trial, *args, **kwargs)

    suggest = optuna.Trial._suggest
    monkeypatch.setattr(optuna.Trial, "_suggest", dies)
    with pytest.raises(KeyboardInterrupt):
        asking.next()
    monkeypatch.undo()
    store = opened()
    (died,) = [trial for trial in store.study.trials if trial.state == TrialState.RUNNING]
    again = drain(store, space, proposer(store, space, trials=12))
    assert again[0].trial == died.number
    assert [proposal.baseline for proposal in again] == [True] * 3 + [False] * 9
    assert died.params.items() <= store.study.trials[died.number].params.items()


def test_duplicates_are_answered_with_their_twins_result_and_not_counted(
    opened: Callable[..., StudyStore], space: SearchSpace
) -> None:
    store = opened()
    first = drain(store, space, proposer(store, space, trials=1))[0]
    values = store.study.trials[first.trial].values
    params = store.study.trials[first.trial].params
    store.study.enqueue_trial(params)  # behind the baselines and initial designs that wait already
    waiting = sum(trial.state == TrialState.WAITING for trial in store.study.trials)
    more = drain(store, space, proposer(store, space, trials=1 + waiting))
    assert len(more) == waiting
    twins = [trial for trial in store.study.trials if "duplicate_of" in trial.user_attrs]
    (twin,) = [trial for trial in twins if trial.params == params]
    assert twin.user_attrs["duplicate_of"] == first.trial
    assert (twin.state, twin.values) == (TrialState.COMPLETE, values)
    assert "architecture" not in twin.user_attrs


def test_a_space_that_is_used_up_ends_the_search(
    opened: Callable[..., StudyStore], teacher_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MAX_DUPLICATES", 10)
    teacher = load_teacher(teacher_file)
    tiny = teacher.family.space(teacher.generator.architecture)
    store = opened()
    smallest = tiny.macs(tiny.smallest())
    proposed = drain(store, tiny, proposer(store, tiny, trials=50, budget=smallest))
    assert 1 <= len(proposed) < 50
    assert {proposal.architecture for proposal in proposed} >= {tiny.smallest()}
    assert all(trial.state.is_finished() for trial in store.study.trials)


# Further seeds


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


# Retries


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
