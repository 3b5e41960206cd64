"""A limit to latency: what is proposed, measured, narrowed, refused and remembered."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from distill.teachers import load_teacher
from nas.budget import LatencyBudget, LatencyMeasurement, parse_duration
from nas.budget.latency import Run, Stopwatch
from nas.config import SearchConfig
from nas.dashboard.note import note
from nas.driver import prepare
from nas.errors import BudgetError, ConfigError
from nas.reporting import trial_reports
from nas.samplers import make_sampler
from nas.study import StudyStore
from nas.trials import Proposer, TrialAttributes
from nas.trials import proposer as proposals
from search_spaces import Architecture, Generator, RandomSuggest, SearchSpace

TEACHER = load_teacher()
SPACE: SearchSpace = TEACHER.family.space(TEACHER.generator.architecture)
SMALLEST = SPACE.macs(SPACE.smallest())
OVERHEAD = 1e-3  # seconds that every architecture takes, whatever its widths
PER_MAC = 1e-9  # seconds
LIMIT = 1.001 * OVERHEAD


def of_macs(architecture: Architecture) -> float:
    return OVERHEAD + PER_MAC * SPACE.macs(architecture)


class Measuring:
    """A latency budget of figures that are made up, which counts what it measures."""

    def __init__(self, limit: float, seconds: Callable[[Architecture], float] = of_macs) -> None:
        self.measured: list[str] = []
        now = 0.0

        @contextmanager
        def ready(generator: Generator) -> Iterator[Run]:
            self.measured.append(str(generator.architecture))

            def run() -> None:
                nonlocal now
                now += seconds(generator.architecture)

            yield run

        stopwatch = Stopwatch("a made-up machine", ready, lambda: now)
        self.budget = LatencyBudget(limit, stopwatch, TEACHER.family.build)


def any_cost(architecture: Architecture) -> float:
    """The load of a budget that does not bind."""
    return SPACE.macs(architecture) / SPACE.macs(SPACE.largest())


# One proposal


@given(seed=st.integers(0, 10**6), limit=st.floats(1.2e-3, 30e-3))
def test_whatever_is_chosen_is_narrowed_until_it_is_fast_enough(seed: int, limit: float) -> None:
    budget = Measuring(limit).budget
    proposed = budget.fit(SPACE, RandomSuggest(seed), any_cost)
    assert budget.fits(proposed)
    assert budget.seconds(proposed) <= limit


def test_what_is_fast_enough_is_proposed_as_it_is() -> None:
    found = Measuring(limit=1.0)
    for seed in range(5):
        proposed = found.budget.fit(SPACE, RandomSuggest(seed), any_cost)
        assert proposed == SPACE.sample(RandomSuggest(seed), any_cost)


def test_narrowing_spends_a_good_part_of_the_limit_where_the_widths_decide() -> None:
    budget = Measuring(4e-3, lambda a: PER_MAC * SPACE.macs(a)).budget
    free = [SPACE.sample(RandomSuggest(seed), any_cost) for seed in range(10)]
    slow = [seed for seed in range(10) if not budget.fits(free[seed])]
    narrowed = [budget.seconds(budget.fit(SPACE, RandomSuggest(seed), any_cost)) for seed in slow]
    assert max(narrowed) <= 4e-3
    assert statistics.median(narrowed) > 0.5 * 4e-3


def test_an_architecture_is_measured_once() -> None:
    found = Measuring(limit=3e-3)
    for _ in range(3):
        found.budget.fit(SPACE, RandomSuggest(1), any_cost)
    assert len(found.measured) == len(set(found.measured))


def test_measuring_leaves_the_random_numbers_of_the_search_alone() -> None:
    before = torch.get_rng_state()
    Measuring(limit=1.0).budget.seconds(SPACE.largest())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_limit_below_the_smallest_student_names_what_it_takes_and_one_that_is_enough() -> None:
    with pytest.raises(
        BudgetError,
        match=r"--budget-latency 1ms is below the smallest student, 1\.03ms \(a made-up machine\)",
    ) as error:
        Measuring(limit=1e-3).budget.check_smallest(SPACE)
    Measuring(limit=parse_duration(str(error.value).split()[-1])).budget.check_smallest(SPACE)


# What the user wants tried, and what is not proposed


def test_an_architecture_of_the_users_that_is_too_slow_is_refused(make_bench: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    bench = make_bench(enqueue=(path,), budget_latency=0.03)
    smallest = bench.space.smallest()
    path.write_text(json.dumps(smallest.to_json()))
    bench.latency = SimpleNamespace(fits=lambda _: True)
    assert bench.warm_start.architectures == [smallest]
    slow = make_bench(enqueue=(path,), budget_latency=0.03)
    slow.latency = SimpleNamespace(fits=lambda _: False, measurement=lambda _: LatencyMeasurement(0.05))
    with pytest.raises(ConfigError, match="takes 50ms, above the budget of 100k MACs and 30ms of latency"):
        slow.load_warm_start()


def test_where_nothing_is_proposed_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = SearchConfig.of(budget_latency=0.03, latency_on="cuda", workdir=tmp_path)
    with pytest.raises(ConfigError, match="--latency-on cuda"):
        prepare(config, dry_run=True)
    prepare(config, dry_run=True, proposes=False)


# A search


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study") as opened:
        opened.study.sampler = make_sampler("random", 0, SPACE, any_cost, None)  # type: ignore[arg-type]
        yield opened


def proposer(store: StudyStore, found: Measuring, trials: int = 8) -> Proposer:
    config = SearchConfig.of(budget_latency=found.budget.limit, trials=trials, replicates=0)
    return Proposer(store, SPACE, config.budget.utilisation(SPACE), config, latency=found.budget)


def drain(store: StudyStore, asking: Proposer) -> list[Architecture]:
    proposed = []
    while (proposal := asking.next()) is not None:
        proposed.append(proposal.architecture)
        store.study.tell(proposal.trial, [10.0, SPACE.macs(proposal.architecture)])
    return proposed


def test_every_architecture_keeps_to_the_limit_and_its_trial_says_what_it_takes(store: StudyStore) -> None:
    proposed = drain(store, proposer(store, Measuring(limit=3e-3)))
    assert len(set(proposed)) == len(proposed) == 8
    notes = {
        t.user_attrs["architecture"]: t.user_attrs
        for t in store.study.trials
        if "architecture" in t.user_attrs
    }
    for architecture in proposed:
        assert notes[str(architecture)]["latency"] == pytest.approx(of_macs(architecture))
        assert notes[str(architecture)]["latency"] <= 3e-3
        assert notes[str(architecture)]["latency_on"] == "a made-up machine"


def only(names: set[str]) -> Callable[[Architecture], float]:
    """Latencies of a machine on which all but the smallest and these are too slow, by very little."""
    return lambda a: OVERHEAD if str(a) in names | {str(SPACE.smallest())} else 1.01 * OVERHEAD


def test_choices_that_stay_too_slow_are_reported_with_the_reason_and_are_no_architecture(
    store: StudyStore,
) -> None:
    first = SPACE.sample(RandomSuggest(3), any_cost)
    found = Measuring(LIMIT, only({str(first)}))
    store.study.enqueue_trial({"budget_fraction": 1.0, **SPACE.uniform()})
    asking = proposer(store, found)
    asking._warm_start = proposals.WarmStart([first])
    assert drain(store, asking) == [first]
    slow = [t for t in store.study.trials if "too_slow" in t.user_attrs]
    assert len(slow) >= proposals.MAX_TOO_SLOW
    for trial in slow:
        assert trial.state == TrialState.PRUNED
        assert "architecture" not in trial.user_attrs
        assert trial.user_attrs["reason"] == "1.01ms of latency, narrowed as it is: 1ms of latency"
        assert trial.user_attrs["latency"] == pytest.approx(1.01 * OVERHEAD)
    assert "stopped early" not in note(store, trial_reports(store), None)  # on the dashboard
    assert asking.exhausted == (
        f"No more than 1 architecture: {proposals.MAX_TOO_SLOW} proposals were too slow for a "
        "budget of 1ms of latency; the smallest student takes 1ms (a made-up machine): "
        "give a higher --budget-latency"
    )


def test_a_limit_that_no_proposal_meets_ends_the_search_with_the_smallest_students_latency(
    store: StudyStore,
) -> None:
    found = Measuring(LIMIT, only(set()))
    with pytest.raises(
        BudgetError, match=r"the smallest student takes 1ms \(a made-up machine\): give a higher"
    ):
        drain(store, proposer(store, found))
    assert all(trial.state.is_finished() or trial.state == TrialState.WAITING for trial in store.study.trials)


def test_a_search_that_resumes_measures_nothing_again(store: StudyStore) -> None:
    drain(store, proposer(store, Measuring(limit=3e-3)))
    known = {
        t.user_attrs.get("architecture", t.user_attrs.get("too_slow"))
        for t in store.study.trials
        if "latency" in t.user_attrs
    }
    again = Measuring(limit=3e-3)
    asking = proposer(store, again, trials=10)
    architectures = [
        t.user_attrs["architecture_json"] for t in store.study.trials if "architecture" in t.user_attrs
    ]
    for values in architectures:
        again.budget.seconds(type(SPACE.smallest()).from_json(values))
    drain(store, asking)
    assert known
    assert not known & set(again.measured[1:])  # the smallest student is measured in every run


def test_what_was_measured_on_something_else_is_measured_again(store: StudyStore) -> None:
    architecture = SPACE.largest()
    there = TrialAttributes(architecture=str(architecture), latency=9.0, latency_on="another machine")
    store.begin(there.stored())
    found = Measuring(limit=1.0)
    proposer(store, found)
    assert found.budget.seconds(architecture) == pytest.approx(of_macs(architecture))
    store.begin({**there.stored(), "latency_on": "a made-up machine"})
    proposer(store, found)
    assert found.budget.seconds(architecture) == 9.0


def test_further_seeds_of_an_architecture_share_its_latency(store: StudyStore) -> None:
    asking = proposer(store, Measuring(limit=3e-3))
    proposal = asking.next()
    assert proposal is not None
    again = store.frozen(asking.retry(proposal.trial))
    assert again is not None
    assert again.user_attrs["latency"] == pytest.approx(of_macs(proposal.architecture))
    assert again.user_attrs["latency_on"] == "a made-up machine"
