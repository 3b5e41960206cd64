"""Optuna's storage over our database: made like our engine, and outlasting the database's outages."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Sequence
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL

from nas.database.connection import UNFINISHED, engine_arguments, patiently, prepare, unusable
from nas.database.outages import Retries
from nas.database.urls import shown
from nas.errors import StorageError


def optuna_storage(url: URL) -> RDBStorage:
    """Optuna's storage in the database `url`, whose tables it makes.

    Raises:
        StorageError: another version of Optuna made its tables, or they can't be read or written.
    """

    def construct() -> RDBStorage:
        return RDBStorage(url.render_as_string(hide_password=False), engine_arguments(url))

    try:
        storage = patiently(construct, errors=(*UNFINISHED, StorageInternalError))
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise unusable(url, error) from error
    except StorageInternalError as error:  # its cause says more
        cause = error.__cause__
        raise unusable(url, cause if isinstance(cause, Exception) else error) from error
    except RuntimeError as error:  # tables of another version; the message names the command that mends it
        raise StorageError(f"storage {shown(url)}: {error}") from error
    prepare(storage.engine)
    storage.engine.dispose()  # connections that were opened before `prepare`
    return storage


class RetryingStorage(BaseStorage):
    """A storage whose every operation is repeated while an outage lasts, and takes effect once.

    Its process must be the only writer of the study, as the holder of its lease is: what is found after a
    failure is then its own work, whose acknowledgement was lost.
    """

    def __init__(self, storage: RDBStorage, retries: Retries) -> None:
        self._inner, self._retries = get_storage(storage), retries

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        number = self._retries(lambda: self._inner.get_n_trials(study_id))  # that the new trial gets

        def create() -> int:
            return self._inner.create_new_trial(study_id, template_trial)

        def find_or_create() -> int:
            if self._inner.get_n_trials(study_id) == number:
                return create()
            return self._inner.get_trial_id_from_study_id_trial_number(study_id, number)

        return self._retries(create, again=find_or_create)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        def change() -> bool:
            return self._inner.set_trial_state_values(trial_id, state, values)

        def find_or_change() -> bool:
            return self._inner.get_trial(trial_id).state == state or change()

        return self._retries(change, again=find_or_change)

    def delete_study(self, study_id: int) -> None:
        def find_and_delete() -> None:
            if any(study._study_id == study_id for study in self._inner.get_all_studies()):
                self._inner.delete_study(study_id)

        self._retries(lambda: self._inner.delete_study(study_id), again=find_and_delete)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        def find_or_create() -> int:
            for study in self._inner.get_all_studies():
                if study.study_name == study_name:
                    return study._study_id
            return self._inner.create_new_study(directions, study_name)

        return self._retries(
            lambda: self._inner.create_new_study(directions, study_name), again=find_or_create
        )

    # What follows is idempotent as it is.

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_study_system_attr(study_id, key, value))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._retries(
            lambda: self._inner.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        )

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._retries(lambda: self._inner.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._retries(lambda: self._inner.set_trial_system_attr(trial_id, key, value))

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

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._retries(
            lambda: self._inner.get_trial_id_from_study_id_trial_number(study_id, trial_number)
        )

    def get_trial_number_from_id(self, trial_id: int) -> int:
        return self._retries(lambda: self._inner.get_trial_number_from_id(trial_id))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._retries(lambda: self._inner.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._retries(lambda: self._inner.get_all_trials(study_id, deepcopy, states))

    def get_n_trials(self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None) -> int:
        return self._retries(lambda: self._inner.get_n_trials(study_id, state))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        return self._retries(lambda: self._inner.get_best_trial(study_id))

    def remove_session(self) -> None:
        self._inner.remove_session()

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        self._inner.check_trial_is_updatable(trial_id, trial_state)
