"""The storage of a study's one writer: few transactions, trials in memory that are those of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from nas.errors import StudyError
from nas.study import StudyStore
from tests.nas.study.records import rung


@pytest.fixture
def store(url: str, name: str) -> Iterator[StudyStore]:
    with StudyStore.open(url, name) as opened, opened.lease():
        yield opened


@contextmanager
def counted(store: StudyStore, event: str) -> Iterator[list[Any]]:
    """The commits, or the statements, of `store` in the block."""
    seen: list[Any] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2] if event == "before_cursor_execute" else "commit")

    for engine in (store._engine, store._storage.engine):
        sa.event.listen(engine, event, note)
    yield seen
    for engine in (store._engine, store._storage.engine):
        sa.event.remove(engine, event, note)


def facts(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    """All that is known of trials, but when they began and ended."""
    return [
        (t.number, t._trial_id, t.state, t.values, t.params, t.distributions, t.user_attrs, t.system_attrs)
        for t in trials
    ]


def in_database(url: str, store: StudyStore) -> list[tuple[Any, ...]]:
    with StudyStore.open(url, store.name, create=False) as reader:
        return facts(reader.study.get_trials())


def test_what_belongs_together_is_one_transaction(store: StudyStore, url: str) -> None:
    trial = store.study.ask()
    with counted(store, "commit") as commits, store.together():
        for name in "abcdef":
            trial.suggest_float(name, 0, 1)
        trial.suggest_categorical("kind", ("full", "separable"))
        trial.set_user_attr("architecture", "x")
        store.record_rung(rung(trial=trial.number))
        store.study.tell(trial, [1.0, 2.0])
        assert commits == []
    assert commits == ["commit"]
    assert in_database(url, store) == facts(store.study.get_trials())
    assert [record.trial for record in store.rungs()] == [trial.number]


def test_what_is_written_together_is_read_at_once(store: StudyStore) -> None:
    trial = store.study.ask()
    with store.together():
        trial.set_user_attr("a", 1)
        store.study.tell(trial, state=TrialState.PRUNED)
        (known,) = store.study.get_trials(deepcopy=False)
        assert (known.user_attrs, known.state) == ({"a": 1}, TrialState.PRUNED)


def test_an_error_leaves_nothing_of_what_belongs_together(store: StudyStore, url: str) -> None:
    trial = store.study.ask()
    before = facts(store.study.get_trials())

    def fail() -> None:
        with store.together():
            trial.suggest_float("x", 0, 1)
            store.record_rung(rung(trial=trial.number))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert facts(store.study.get_trials()) == before == in_database(url, store)
    assert store.rungs() == []


def test_a_block_inside_of_another_ends_with_the_outer_one(store: StudyStore) -> None:
    trial = store.study.ask()
    with counted(store, "commit") as commits, store.together():
        with store.together():
            trial.set_user_attr("a", 1)
        trial.set_user_attr("b", 2)
    assert commits == ["commit"]


def test_trials_are_read_from_the_database_once(store: StudyStore) -> None:
    store.study.tell(store.study.ask(), [1.0, 2.0])
    with counted(store, "before_cursor_execute") as statements:
        assert len(store.study.get_trials(deepcopy=False)) == 1
        assert store.study.get_trials(states=(TrialState.RUNNING,)) == []
        assert store.frozen(0) is not None
    assert statements == []


def test_the_trials_in_memory_are_those_of_the_database(store: StudyStore, url: str) -> None:
    store.study.enqueue_trial({"x": 0.25}, user_attrs={"baseline": "uniform"})
    store.begin({"architecture": "given"})
    begun = store.study.ask()
    begun.suggest_float("x", 0, 1)
    begun.suggest_int("depth", 1, 3)
    store.study.tell(begun, [3.0, float("inf")])
    store.begin({"architecture": "again"}, like=store.frozen(begun.number))
    store.study.tell(store.study.ask(), state=TrialState.FAIL)
    begun = store.study.ask()
    begun.set_user_attr("pair", (1, 2))
    store.storage.set_trial_system_attr(begun._trial_id, "note", {"words": ["a", "b"]})
    assert facts(store.study.get_trials()) == in_database(url, store)
    with StudyStore.open(url, store.name) as other:
        times = [(t.datetime_start, t.datetime_complete) for t in other.study.get_trials()]
    for (start, end), trial in zip(times, store.study.get_trials(), strict=True):
        for wanted, known in ((start, trial.datetime_start), (end, trial.datetime_complete)):
            assert (wanted is None) == (known is None)
            assert wanted is None or abs((wanted - known).total_seconds()) < 60


def test_a_trial_that_was_read_stays_as_it_was(store: StudyStore) -> None:
    trial = store.study.ask()
    (before,) = store.study.get_trials(deepcopy=False)
    with store.together():
        store.storage.set_trial_param(trial._trial_id, "x", 0.5, FloatDistribution(0, 1))
        store.storage.set_trial_user_attr(trial._trial_id, "a", 1)
        store.storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
    assert (before.params, before.user_attrs, before.state) == ({}, {}, TrialState.RUNNING)


def test_a_finished_trial_and_an_incompatible_choice_are_refused_before_anything_is_written(
    store: StudyStore, url: str
) -> None:
    store.study.tell(store.study.ask(), [1.0, 2.0])
    trial = store.study.ask()
    trial.suggest_float("x", 0, 1)
    other = store.study.ask()
    with store.together():
        with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
            store.storage.set_trial_user_attr(store.study.get_trials()[0]._trial_id, "a", 1)
        with pytest.raises(ValueError, match="different distribution"):
            other.suggest_categorical("x", ("a", "b"))
    assert in_database(url, store) == facts(store.study.get_trials())


def test_after_the_lease_trials_are_what_others_have_written(url: str, name: str) -> None:
    with StudyStore.open(url, name) as first:
        with first.lease():
            first.study.ask()
        with StudyStore.open(url, name) as second, second.lease():
            second.study.tell(0, [1.0, 2.0])
            second.study.ask()
        assert [t.state for t in first.study.get_trials()] == [TrialState.COMPLETE, TrialState.RUNNING]


def test_nothing_of_what_belongs_together_is_written_once_the_lease_is_lost(
    store: StudyStore, url: str
) -> None:
    trial = store.study.ask()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        taken = sa.text("UPDATE nas_leases SET token = 'of another' WHERE study = :study")
        connection.execute(taken, {"study": store.name})
    engine.dispose()

    def write() -> None:
        with store.together():
            trial.set_user_attr("a", 1)
            store.record_rung(rung(trial=trial.number))

    with pytest.raises(StudyError, match="taken over"):
        write()
    (left,) = in_database(url, store)
    assert left[6] == {}
    assert store.rungs() == []
