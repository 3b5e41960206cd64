"""Optuna's storage for the one process that writes a study: it reads once, and writes in few transactions."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from nas.database.outages import Retries
from nas.database.study_trials import StudyTrials
from nas.database.transactions import one_transaction


@dataclass(frozen=True)
class Write:
    """A part of a transaction."""

    make: Callable[[sa.Connection], object]
    is_made: Callable[[], bool] = lambda: False  # asked after a failed commit; False also if repeatable


class WriterStorage(BaseStorage):
    """A storage whose every write is repeated while an outage lasts, and takes effect once.

    Its process must be the only writer of the study's trials, as the holder of its lease is. What is found
    after a failure is then its own work, whose acknowledgement was lost; and trials are read once. Writes
    inside of `together` are one transaction.
    """

    def __init__(
        self, storage: RDBStorage, retries: Retries, await_commits: Callable[[], object] = lambda: None
    ) -> None:
        """Read nothing yet.

        Args:
            storage: Optuna's, of the database.
            retries: repeat what an outage fails.
            await_commits: called before it is looked whether a failed attempt was committed; returns once no
                transaction of this process is in the midst of its commit at the server.
        """
        self._await_commits = await_commits
        self._database, self._inner, self._retries = storage, get_storage(storage), retries
        self._lock = RLock()
        self._is_sole = True
        self._studies: dict[int, StudyTrials] = {}
        self._located: dict[int, tuple[int, int]] = {}  # trial id ─► study id, number
        self._open = 0  # blocks of `together`, one inside of the other
        self._pending: list[Write] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what the block writes of existing trials in one transaction at its end, or not at all.

        What it reads of trials is what it wrote. An error that leaves the outermost block discards all.
        A new trial is written at once, and what was written before it.
        """
        with self._lock:
            self._open += 1
            try:
                yield
                if self._open == 1:
                    self.flush()
            except BaseException:
                if self._open == 1:
                    self._forget()
                raise
            finally:
                self._open -= 1

    def flush(self) -> None:
        """Commit what the block of `together` has written so far."""
        writes, self._pending = self._pending, []
        if writes:
            self._commit(writes)

    def end(self) -> None:
        """Read trials anew from now on: others may write them."""
        self._is_sole = False

    def write(self, write: Write) -> None:
        """Carry out `write`: now, or at the end of the block of `together`."""
        with self._lock:
            if self._open:
                self._pending.append(write)
            else:
                self._commit([write])

    def _commit(self, writes: Sequence[Write]) -> None:
        def make() -> None:
            with one_transaction(self._database) as connection:
                for write in writes:
                    write.make(connection)

        def find_or_make() -> None:
            self._await_commits()
            if not any(write.is_made() for write in writes):  # one that is made stands for all
                make()

        self._retries(make, again=find_or_make)

    def _forget(self) -> None:
        """Forget trials, which the next use reads again: they have what was not written."""
        self._pending.clear()
        self._studies.clear()

    # Trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        with self._lock:
            self.flush()
            trials = self._trials(study_id)
            number = len(trials)  # that the new trial gets

            def create() -> int:
                return self._inner.create_new_trial(study_id, template_trial)

            def find_or_create() -> int:
                self._await_commits()
                if self._inner.get_n_trials(study_id) == number:
                    return create()
                return self._inner.get_trial_id_from_study_id_trial_number(study_id, number)

            trial_id = self._retries(create, again=find_or_create)
            trial = copy.deepcopy(template_trial) if template_trial is not None else _bare_trial()
            trial.number, trial._trial_id = number, trial_id
            trial.user_attrs, trial.system_attrs = map(_as_stored, (trial.user_attrs, trial.system_attrs))
            trials.put(trial)
            self._located[trial_id] = (study_id, number)
            return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        with self._lock:
            trials, number = self._running(trial_id)
            if (known := trials.distributions.get(param_name)) is not None:
                check_distribution_compatibility(known, distribution)
            self.write(
                Write(
                    lambda _: self._inner.set_trial_param(
                        trial_id, param_name, param_value_internal, distribution
                    ),
                    lambda: param_name in self._inner.get_trial(trial_id).params,
                )
            )
            value = distribution.to_external_repr(param_value_internal)
            trials.extend(number, params={param_name: value}, distributions={param_name: distribution})

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        with self._lock:
            trials, number = self._running(trial_id)
            if state == TrialState.RUNNING and trials[number].state != TrialState.WAITING:
                return False
            self.write(
                Write(
                    lambda _: self._inner.set_trial_state_values(trial_id, state, values),
                    lambda: self._inner.get_trial(trial_id).state == state,
                )
            )
            fields: dict[str, Any] = {"state": state} | ({} if values is None else {"values": list(values)})
            if state == TrialState.RUNNING:
                fields["datetime_start"] = datetime.now()  # local time without a zone, as Optuna's
            if state.is_finished():
                fields["datetime_complete"] = datetime.now()
            trials.change(number, **fields)
            return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        with self._lock:
            trials, number = self._running(trial_id)
            self.write(
                Write(lambda _: self._inner.set_trial_intermediate_value(trial_id, step, intermediate_value))
            )
            seen = trials[number].intermediate_values | {step: intermediate_value}
            trials.change(number, intermediate_values=seen)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        with self._lock:
            trials, number = self._running(trial_id)
            self.write(Write(lambda _: self._inner.set_trial_user_attr(trial_id, key, value)))
            trials.extend(number, user_attrs={key: _as_stored(value)})

    def set_trial_system_attr(self, trial_id: int, key: str, value: Mapping[str, Any] | Any) -> None:
        with self._lock:
            trials, number = self._running(trial_id)
            self.write(Write(lambda _: self._inner.set_trial_system_attr(trial_id, key, value)))
            trials.extend(number, system_attrs={key: _as_stored(value)})

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._trials(study_id)[trial_number]._trial_id

    def get_trial(self, trial_id: int) -> FrozenTrial:
        with self._lock:
            place = self._located.get(trial_id)
            if place is None:
                return self._retries(lambda: self._inner.get_trial(trial_id))
            return self._trials(place[0])[place[1]]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        with self._lock:
            found = self._trials(study_id).among(states)
        return copy.deepcopy(found) if deepcopy else found

    def get_n_trials(self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None) -> int:
        states = (state,) if isinstance(state, TrialState) else state
        with self._lock:
            return len(self._trials(study_id).among(states))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        return self._retries(lambda: self._inner.get_best_trial(study_id))

    def _trials(self, study_id: int) -> StudyTrials:
        with self._lock:
            if study_id not in self._studies or not self._is_sole:
                read = self._retries(lambda: self._inner.get_all_trials(study_id, deepcopy=False))
                self._studies[study_id] = StudyTrials(read)
                self._located |= {trial._trial_id: (study_id, trial.number) for trial in read}
            return self._studies[study_id]

    def _running(self, trial_id: int) -> tuple[StudyTrials, int]:
        """The trials of which this is one, and its number; raises where it is finished."""
        if trial_id not in self._located:
            raise KeyError(f"trial id {trial_id} is of no study that was read")
        study_id, number = self._located[trial_id]
        trials = self._trials(study_id)
        self.check_trial_is_updatable(trial_id, trials[number].state)
        return trials, number

    # Studies

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        def find_or_create() -> int:
            self._await_commits()
            for study in self._inner.get_all_studies():
                if study.study_name == study_name:
                    return study._study_id
            return self._inner.create_new_study(directions, study_name)

        return self._retries(
            lambda: self._inner.create_new_study(directions, study_name), again=find_or_create
        )

    def delete_study(self, study_id: int) -> None:
        def find_and_delete() -> None:
            self._await_commits()
            if any(study._study_id == study_id for study in self._inner.get_all_studies()):
                self._inner.delete_study(study_id)

        with self._lock:
            self._retries(lambda: self._inner.delete_study(study_id), again=find_and_delete)
            self._studies.pop(study_id, None)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_study_system_attr(study_id, key, value))

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._retries(lambda: self._inner.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._retries(lambda: self._inner.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._retries(lambda: self._inner.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._retries(lambda: self._inner.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._retries(lambda: self._inner.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._retries(self._inner.get_all_studies)

    def remove_session(self) -> None:
        self._inner.remove_session()


def _as_stored(value: Any) -> Any:
    """An attribute as the database returns it: tuples as lists, for example."""
    return json.loads(json.dumps(value))


def _bare_trial() -> FrozenTrial:
    """A trial that has just begun, without number and id."""
    return FrozenTrial(
        number=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),  # local time without a zone, as Optuna's
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=-1,
    )
