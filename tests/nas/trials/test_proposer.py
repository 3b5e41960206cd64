"""What is trained next: what was interrupted, the baselines, then whatever fits and nobody has trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from distill.teachers import load_teacher
from nas.config import SearchConfig
from nas.samplers import SAMPLERS
from nas.study import RungRecord, StudyAttributes, StudyStore
from nas.trials import Plan, TrialAttributes, WarmStart, measured_architectures
from nas.trials import proposer as proposals
from nas.trials.proposer import Proposer
from search_spaces import WITHIN_BUDGET, SearchSpace
from tests.nas.trials.proposing import BUDGET, complete, drain, proposer


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
