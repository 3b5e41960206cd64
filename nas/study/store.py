"""The study: Optuna's trials, our rungs and the driver's lease, in one SQL database.

The driver is the only writer of trials. Dashboard, export and reports open with `create=False`; they write
notes, a tie-break and latencies beside the trials, which no driver writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy.engine import URL, Engine

from nas.database import (
    STUDY_NAME_LENGTH,
    Holder,
    Lease,
    Retries,
    Write,
    WriterStorage,
    check_free,
    connect,
    fenced,
    is_held,
    lease_holder,
    optuna_storage,
    parse_url,
    readable,
    shown,
    sqlite_path,
    study_lease,
    translate_outages,
)
from nas.errors import SearchError, StudyError
from nas.study.opening import (
    is_empty_of_others,
    open_study,
    rename_study,
)
from nas.study.records import RungRecord
from nas.study.rungs import delete_rungs, read_rungs, write_rungs
from search_spaces import UserError

OPENING_SECONDS = 20.0  # that an outage may last where nothing is at stake
LAST_SECONDS = 5.0  # that an outage may last where an error ends the search anyway

log = logging.getLogger(__name__)


class StudyStore:
    """An open study. Make one with `StudyStore.open`; use it as a context manager or `close` it."""

    def __init__(
        self,
        url: URL,
        engine: Engine,
        study: optuna.Study,
        storage: RDBStorage,
        copy: TemporaryDirectory[str] | None,
        open_in: Callable[[BaseStorage], optuna.Study],
        identity: Mapping[str, str],
    ) -> None:
        self.study = study
        self.name: str = study.study_name
        self.url = shown(url)  # without the password
        self.sqlite_file: Path | None = sqlite_path(url)  # None for a server
        self._engine = engine
        self._storage = storage
        self._copy = copy  # of a file that can't be written
        self._lease: Lease | None = None
        self._open_in, self._identity = open_in, identity
        self._retries = Retries(f"storage {self.url}")

    @classmethod
    def open(
        cls,
        url: str,
        name: str,
        *,
        identity: Mapping[str, str] | None = None,
        assumed: Mapping[str, str] | None = None,
        named: Mapping[str, Any] | None = None,
        sampler: BaseSampler | None = None,
        create: bool = True,
    ) -> Self:
        """Open the study `name` of a database; create both when they do not exist.

        Args:
            url: any SQLAlchemy URL, `sqlite:///FILE` or `postgresql+psycopg://…`.
            name: of the study.
            identity: what all results of a study have in common, for example the space and the digests of
                teacher and data. A new study saves it; one with trials must have the same.
            assumed: the values of parts that an existing study does not have.
            named: what the user calls the parts that are digests, for errors.
            sampler: what `study.ask` uses; Optuna's default when None.
            create: make the study when there is none. Without it a SQLite file that can't be written is read
                from a copy, as it is now.

        Raises:
            StorageError: the database can't be used.
            StudyError: there is no such study (`create=False`), another version of nas-search made it, or it
                belongs to something else.
        """
        if not name or len(name) > STUDY_NAME_LENGTH:
            raise StudyError(f"study name {name[:40]!r}: give 1 to {STUDY_NAME_LENGTH} characters")
        parsed = parse_url(url)
        opened, copy = (parsed, None) if create else readable(parsed)
        storage = engine = None
        try:
            engine = connect(opened, create=create)
            storage = optuna_storage(opened)
            open_in = partial(
                open_study,
                name=name,
                identity=identity or {},
                assumed=assumed or {},
                named=named or {},
                sampler=sampler,
                create=create,
            )
            for each in (engine, storage.engine):
                translate_outages(each)
            study = Retries(f"storage {shown(parsed)}").within(OPENING_SECONDS)(lambda: open_in(storage))
        except BaseException:  # also Ctrl-C: leave no connection open
            if engine is not None:
                engine.dispose()
            if storage is not None:
                storage.engine.dispose()
            if copy is not None:
                copy.cleanup()
            raise
        return cls(parsed, engine, study, storage, copy, open_in, identity or {})

    @staticmethod
    def names(url: str) -> list[str]:
        """Names of the studies in a database, in the order they were made.

        Raises:
            StorageError: the database can't be used or is not there.
        """
        parsed, copy = readable(parse_url(url))
        connect(parsed, create=False).dispose()
        storage = optuna_storage(parsed)
        try:
            return [
                study.study_name for study in sorted(storage.get_all_studies(), key=lambda s: s._study_id)
            ]
        finally:
            storage.engine.dispose()
            if copy is not None:
                copy.cleanup()

    @property
    def storage(self) -> BaseStorage:
        """Optuna's storage, for its dashboard and its artifacts."""
        return self.study._storage

    @property
    def is_copy(self) -> bool:
        """Whether what is written would be lost, because the file itself can't be written."""
        return self._copy is not None

    def release(self) -> None:
        """Close the connections; the next use opens them again."""
        self._storage.scoped_session.remove()
        self._storage.engine.dispose()
        self._engine.dispose()

    def close(self) -> None:
        """Close the connections, for good."""
        self.release()
        if self._copy is not None:
            self._copy.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Hold the lease of this study while the block runs.

        A study that has no trials and another identity than it was opened with is made anew.

        Raises:
            StudyError: another driver holds it, and where that runs; or one has made it another study's. Also
                for whatever fails in the block because another driver has taken the study over.
        """
        with ExitStack() as stack:
            engines = (self._engine, self._storage.engine)
            held = stack.enter_context(study_lease(self._engine, self.name, self._retries))
            for engine in engines:
                stack.enter_context(fenced(engine, held))
            self._lease = held
            storage = WriterStorage(self._storage, self._retries, await_commits=held.renew)
            try:
                self._discard_if_empty_of_others(storage)
                self.study = self._open_in(storage)
                if not self.study.get_trials(deepcopy=False):
                    self._retries(lambda: delete_rungs(self._engine, self.name))
                with self.errors_of_others():
                    yield held
            finally:
                self._lease = None
                storage.end()

    @contextmanager
    def errors_of_others(self) -> Iterator[None]:
        """Raise StudyError for an error in the block that is there because another driver has taken over.

        Optuna refuses to change a trial that has ended, and a worker to write to a folder that is another
        driver's, before any transaction can tell whose the lease is.
        """
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # whatever it is: the lease says whose fault it was
            if self._lease is not None:
                try:
                    self._retries.within(LAST_SECONDS)(self._lease.renew)
                except StudyError as taken_over:
                    raise taken_over from error
                except SearchError:  # an outage: nobody knows
                    log.debug("whether study %r is still ours can't be asked", self.name)
            raise

    @property
    def _reading(self) -> Retries:
        """Retries of reads: without the lease no work is lost by giving up."""
        return self._retries if self._lease is not None else self._retries.within(OPENING_SECONDS)

    @property
    def has_driver(self) -> bool:
        """Whether a living driver, this process or another one, holds the lease of this study."""
        return self._reading(lambda: is_held(self._engine, self.name))

    @property
    def holder(self) -> Holder | None:
        """Who holds the lease of this study, dead or alive."""
        return self._reading(lambda: lease_holder(self._engine, self.name))

    def check_no_driver(self) -> None:
        """Raise StudyError, with who runs it, where a living driver holds the lease of this study."""
        self._reading(lambda: check_free(self._engine, self.name))

    def check_lease(self) -> None:
        """Raise StudyError when the lease that this store held has been taken over.

        Every write to the database checks it by itself; this is for what is written elsewhere.
        """
        if self._lease is not None:
            self._retries(self._lease.check)

    def delete(self) -> None:
        """Delete the study with its trials and rungs; the lease must be held.

        Raises:
            StudyError: the lease that this store held has been taken over.
        """
        self.check_lease()
        optuna.delete_study(study_name=self.name, storage=self.storage)
        self._retries(lambda: delete_rungs(self._engine, self.name))

    def rename(self, name: str) -> None:
        """Give the study another name, in one transaction; the lease must be held, and stays that of the old.

        Raises:
            StudyError: there is a study of this name, or the lease has been taken over.
        """
        self._retries(lambda: rename_study(self._engine, self.name, name))
        self.name = name

    def discard_if_empty(self) -> bool:
        """Delete the study when it has no trials, so that a corrected request starts anew.

        Returns:
            Whether it had none.
        """
        if self.study.get_trials(deepcopy=False):
            return False
        optuna.delete_study(study_name=self.name, storage=self.storage)
        return True

    def _discard_if_empty_of_others(self, storage: BaseStorage) -> None:
        """Delete the study, as it is now, when it has no trials and another identity."""
        try:
            study = optuna.load_study(study_name=self.name, storage=storage)
        except KeyError:  # whoever had it before has deleted it
            return
        if is_empty_of_others(study, self._identity):
            optuna.delete_study(study_name=self.name, storage=storage)

    def record_rung(self, record: RungRecord) -> None:
        """Save a rung; recording it again replaces it.

        Raises:
            StudyError: the lease that this store held has been taken over.
        """
        self.record_rungs([record])

    def record_rungs(self, records: Sequence[RungRecord]) -> None:
        """Save rungs in one transaction; as `record_rung`."""
        if isinstance(self.storage, WriterStorage):
            self.storage.write(Write(lambda connection: write_rungs(connection, self.name, records)))
        else:
            with self._engine.begin() as connection:
                write_rungs(connection, self.name, records)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what the block writes of trials and rungs in one transaction at its end, or not at all.

        New trials are written at once. Without the lease every write is a transaction of its own.

        Raises:
            StudyError: the lease that this store held has been taken over.
        """
        with self.storage.together() if isinstance(self.storage, WriterStorage) else nullcontext():
            yield

    def rungs(self, trial: int | None = None) -> list[RungRecord]:
        """The rungs of one trial, or of all, by trial and rung."""
        return self._reading(lambda: read_rungs(self._engine, self.name, trial))

    def begin(self, attributes: Mapping[str, Any], like: FrozenTrial | None = None) -> int:
        """A new RUNNING trial that no sampler is asked for, with these user attributes; returns its number.

        The trial takes over the choices of the trial `like`: the sampler receives its result as a further
        observation of them, with other noise. Without `like` the trial has no choices, and the sampler
        ignores it.
        """
        twin = create_trial(
            state=TrialState.RUNNING,
            params={} if like is None else like.params,
            distributions={} if like is None else like.distributions,
            user_attrs=dict(attributes),
        )
        trial_id = self.storage.create_new_trial(self.study._study_id, template_trial=twin)
        return self.storage.get_trial_number_from_id(trial_id)

    def trial(self, number: int) -> Trial:
        """A handle on the RUNNING trial `number`, to set attributes, attach artifacts and report its result.

        A driver that resumes a study resumes its RUNNING trials under their own numbers.

        Raises:
            StudyError: there is no such trial, it is finished, or the lease that this store held has been
                taken over.
        """
        frozen = self.frozen(number)
        if frozen is None or frozen.state != TrialState.RUNNING:
            if self._lease is not None:
                self._retries(self._lease.renew)  # another driver may have ended it
            state = "missing" if frozen is None else frozen.state.name
            raise StudyError(
                f"trial {number} of study {self.name!r} is {state}: only a RUNNING trial can be resumed"
            )
        return Trial(self.study, frozen._trial_id)

    def frozen(self, number: int) -> FrozenTrial | None:
        """Trial `number` as it stands, without reading all others; None when there is none."""
        try:
            identifier = self.storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        except KeyError:
            return None
        return self.storage.get_trial(identifier)
