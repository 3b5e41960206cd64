"""A study against a model in plain Python: any order of trials, kills, failing commits and second drivers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from optuna.trial import TrialState

from nas.database import LeaseRow, Retries
from nas.database import lease as leases
from nas.errors import SearchError, StudyError
from nas.retrying import RetryPolicy
from nas.study import StudyStore
from tests.nas.database.test_outages import failing_commits
from tests.nas.study.records import rung

NAMES = st.sampled_from("abc")
FAILURES = st.sampled_from([None, False, True])  # of the next commit: none, before it is made, after


def a_worker_fails() -> None:
    """What the driver raises for a worker to which the study's folder is closed, as another driver's."""
    raise SearchError("a worker failed")


class Studies(RuleBasedStateMachine):
    """One driver holds the lease; it dies, sleeps and is replaced. What it was told to write is there."""

    trials = Bundle("trials")

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(leases, "HEARTBEAT_SECONDS", 1e6)  # those that sleep or are dead have none
        self.folder = Path(tempfile.mkdtemp())
        self.drivers = ExitStack()
        self.url = f"sqlite:///{self.folder}/study.db"
        self.states: list[TrialState] = []
        self.attributes: dict[int, dict[str, int]] = {}
        self.rungs: set[tuple[int, int]] = set()
        self.take_over()

    def take_over(self) -> None:
        """A new driver opens the study and takes its lease."""
        self.store = self.drivers.enter_context(StudyStore.open(self.url, "study"))
        self.store._retries = Retries("storage", RetryPolicy(5.0, initial_delay=0.0001))
        self.held = self.drivers.enter_context(ExitStack())
        self.held.enter_context(self.store.lease())

    def expire(self) -> None:
        """The lease of the driver expires, as when it has been suspended."""
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(sa.update(LeaseRow).values(heartbeat=0.0, pid_space="of another machine"))
        engine.dispose()

    def write(self, write: Any, fails: bool | None) -> Any:
        """Carry out `write` while the next commit fails in this way."""
        if fails is None:
            return write()
        with failing_commits(self.store, committed=fails):
            return write()

    @rule(target=trials, fails=FAILURES)
    def ask(self, fails: bool | None) -> int:
        trial = self.write(self.store.study.ask, fails)
        assert trial.number == len(self.states)
        self.states.append(TrialState.RUNNING)
        self.attributes[trial.number] = {}
        return int(trial.number)

    @rule(trial=trials, name=NAMES, value=st.integers(0, 9), fails=FAILURES)
    def annotate(self, trial: int, name: str, value: int, fails: bool | None) -> None:
        if self.states[trial] == TrialState.RUNNING:
            handle = self.store.trial(trial)
            self.write(lambda: handle.set_user_attr(name, value), fails)
            self.attributes[trial][name] = value

    @rule(trial=trials, number=st.integers(0, 2), fails=FAILURES)
    def record(self, trial: int, number: int, fails: bool | None) -> None:
        self.write(lambda: self.store.record_rung(rung(trial=trial, rung=number)), fails)
        self.rungs.add((trial, number))

    @rule(trial=trials, state=st.sampled_from([TrialState.COMPLETE, TrialState.FAIL]), fails=FAILURES)
    def report(self, trial: int, state: TrialState, fails: bool | None) -> None:
        if self.states[trial] != TrialState.RUNNING:
            with pytest.raises(StudyError, match="only a RUNNING trial"):
                self.store.trial(trial)
            return
        handle = self.store.trial(trial)
        values = [1.0, 2.0] if state == TrialState.COMPLETE else None
        self.write(lambda: self.store.study.tell(handle, values, state=state), fails)
        self.states[trial] = state

    @rule()
    def kill(self) -> None:
        """The driver ends without a word; the next one takes over."""
        self.expire()
        self.store.release()
        self.take_over()

    @rule()
    def resume(self) -> None:
        """The driver ends in order, and gives its lease back; the same command again continues."""
        self.held.close()
        assert not self.store.has_driver
        self.take_over()

    @rule()
    def second_driver(self) -> None:
        """A driver that comes while another lives is refused."""
        with (
            StudyStore.open(self.url, "study") as other,
            pytest.raises(StudyError, match="is being run by"),
        ):
            other.lease().__enter__()

    @precondition(lambda self: self.states)
    @rule(trial=trials, ends=st.booleans())
    def sleep(self, trial: int, ends: bool) -> None:
        """The driver is suspended past its lease, and another takes over, which may end the trial.

        Awake, it writes nothing, and gets to know who took over, whatever it was about to do.
        """
        asleep, handle = self.store, None
        if self.states[trial] == TrialState.RUNNING:
            handle = asleep.trial(trial)
        self.expire()
        self.take_over()
        if ends and handle is not None:
            self.store.study.tell(self.store.trial(trial), state=TrialState.FAIL)
            self.states[trial] = TrialState.FAIL
        writes: list[Callable[[], object]] = [
            lambda: asleep.record_rung(rung(trial=trial, rung=9)),
            asleep.study.ask,
            lambda: asleep.begin({"a": 1}),
            lambda: asleep.study.set_user_attr("a", 1),
            a_worker_fails,
        ]
        if handle is not None:
            writes += [
                lambda: asleep.trial(trial).set_user_attr("a", 1),
                lambda: handle.set_user_attr("a", 1),
                lambda: asleep.study.tell(handle, [1.0, 2.0]),
                lambda: asleep.study.tell(handle, state=TrialState.PRUNED),
            ]
        for write in writes:
            with pytest.raises(StudyError, match="taken over"), asleep.errors_of_others():
                write()

    @invariant()
    def the_study_is_the_model(self) -> None:
        with StudyStore.open(self.url, "study", create=False) as reader:
            trials = reader.study.get_trials()
            assert [trial.number for trial in trials] == list(range(len(self.states)))
            assert [trial.state for trial in trials] == self.states
            assert {trial.number: trial.user_attrs for trial in trials} == self.attributes
            records = [(record.trial, record.rung) for record in reader.rungs()]
            assert records == sorted(self.rungs)
            assert reader.has_driver

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.drivers.close()
            self.patch.undo()
            shutil.rmtree(self.folder)


optuna.logging.set_verbosity(optuna.logging.ERROR)
TestStudies = Studies.TestCase
TestStudies.settings = settings(
    max_examples=int(os.environ.get("NAS_TEST_MODELS", "8")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestStudies = pytest.mark.slow(TestStudies)
