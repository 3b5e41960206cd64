"""The driver's end of the exchange: files that workers have put become files of the study's folder."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nas.config import SearchConfig
from nas.database import same_database
from nas.errors import ConfigError
from nas.exchange.errors import ExchangeError
from nas.exchange.node import ACTOR, VARIABLE
from nas.exchange.object_store import ObjectStore, is_invalid, lacks_credentials, reason_of
from nas.exchange.reports import reports_written
from nas.exchange.study_objects import StudyObjects, carried_files, check_apart, checkpoints, newest_rung
from nas.passwords import without_password
from nas.retrying import DEFAULT_RETRIES, NO_RETRIES, RetryPolicy
from nas.study import FolderOwner
from search_spaces import UserError, one_line

SHOWN = 120  # characters of what another driver has said
LEAVING = RetryPolicy(30.0)  # for what is removed at the end: nothing depends on it

log = logging.getLogger(__name__)


class Receiver:
    """The driver of a search whose workers write into its own work folder: there is nothing to receive."""

    has_claimed = False  # whether objects of this driver may be in a store

    def claim(self, interrupted: Iterable[int]) -> None:
        """Make the store ready for workers of this driver.

        Args:
            interrupted: numbers of trials that are resumed; nobody needs the objects of others.

        Raises:
            ConfigError: the store is another study's or program's, or can't be used.
            StudyError: another driver has taken the study over.
        """

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Receive reports of workers while the block runs; Ray runs."""
        yield

    def receive(self, trial: int, files: Mapping[str, str]) -> None:
        """Have the `files` of a trial, names in its folder with their SHA-256, in the study's folder.

        Raises:
            StudyError: another driver has taken the study over.
            SearchError: the store is away for too long, or lacks a file.
        """

    def discard(self, trial: int) -> None:
        """Remove the objects of a trial that has ended: the study's folder has its files."""

    def finish(self) -> None:
        """Remove all objects of a search that is over.

        Raises:
            StudyError: another driver has taken the study over.
        """


class StoreReceiver(Receiver):
    """The driver of a search whose nodes exchange files through an object store."""

    def __init__(
        self, config: SearchConfig, token: str, check_lease: Callable[[], object] = lambda: None
    ) -> None:
        """Open the store; nothing is asked of it yet.

        Args:
            config: of the search.
            token: of the lease of the study.
            check_lease: raises StudyError where the lease is not this driver's any more.

        Raises:
            ConfigError: nobody knows the store's protocol, or its package is not installed.
        """
        self._config, self._token, self._check_lease = config, token, check_lease
        self._owner = FolderOwner(config.folder, token)
        self._objects = StudyObjects(config, DEFAULT_RETRIES)

    def claim(self, interrupted: Iterable[int]) -> None:
        resumed = set(interrupted)
        with _refused_as_request(self._objects.store):
            _check_ours(self._objects, self._config)
            self._claim()
        for trial in self._objects.trials():
            if trial not in resumed:
                self.discard(trial)
        for trial in sorted(resumed):
            self._offer(trial)

    @contextmanager
    def listening(self) -> Iterator[None]:
        with reports_written(ACTOR.format(self._config.study)):
            yield

    def receive(self, trial: int, files: Mapping[str, str]) -> None:
        if not files:
            return
        bundle = self._objects.trial(trial)
        bundle.fetch(files, check=self._owner.check)
        for name in checkpoints(carried_files(bundle.folder)) - files.keys():
            (bundle.folder / name).unlink(missing_ok=True)  # as its worker has done

    def discard(self, trial: int) -> None:
        """Remove the objects of a trial; those that can't be removed go at the end of the search."""
        self._objects.forget(trial)
        with suppress(ExchangeError), self._objects.store.within(NO_RETRIES):
            if self._is_ours():
                self._objects.trial(trial).remove()

    def finish(self) -> None:
        """Remove all objects of the study; says where some are left.

        Those of an earlier driver of the study, which was killed when its last trial had ended, go as well.
        """
        try:
            with self._objects.store.within(LEAVING):
                if not self.has_claimed and self._objects.driver():
                    if _other_study(self._objects, self._config):
                        return
                    self._claim()
                if self._is_ours():
                    self._objects.remove()
        except ExchangeError as error:
            log.warning("objects of the search are left in %s: %s", self._objects.place, error)

    def _claim(self) -> None:
        self._check_lease()  # the store may have kept us waiting for longer than the lease lasts
        self.has_claimed = True
        self._objects.claim(_described(self._config) | {"token": self._token})

    def _is_ours(self) -> bool:
        """Whether this driver is the last one that claimed the objects."""
        return self._objects.driver().get("token") == self._token

    def _offer(self, trial: int) -> None:
        """Put those files of an interrupted trial that the store lacks, unless it has newer ones.

        It lacks them where the search ran with another exchange, or with a shared folder. It has newer ones
        where a driver was killed before it received them.
        """
        bundle = self._objects.trial(trial)
        own, listed = carried_files(bundle.folder), bundle.usable()
        lacking = [name for name in own if name not in listed]
        if checkpoints(lacking) and newest_rung(listed) <= newest_rung(own):
            bundle.put(bundle.digests(lacking), keep=True)


def receiver_of(config: SearchConfig, token: str, check_lease: Callable[[], object]) -> Receiver:
    """The driver's end of what `config` says of the exchange; arguments as of `StoreReceiver`."""
    return Receiver() if config.exchange is None else StoreReceiver(config, token, check_lease)


def check_exchange(config: SearchConfig, *, dry_run: bool = False) -> None:
    """Check that the object store of a search can be used, before a study is made.

    Args:
        config: the request, with the study's name.
        dry_run: only look, and write nothing.

    Raises:
        ConfigError: it and a work folder lie in each other, it does not answer, there is no such bucket, a
            permission is missing, or it holds objects of another study or program.
    """
    if config.exchange is None:
        return
    if own := os.environ.get(VARIABLE):
        check_apart(config.exchange, Path(own))
    objects = StudyObjects(config, NO_RETRIES)
    store, probe = objects.store, objects.probe()
    with _refused_as_request(store):
        if not store.has_bucket(config.study):
            raise ConfigError(
                f"--exchange {store.url}: there is no such bucket: make it, or give another one"
            )
        _check_ours(objects, config)
        if not dry_run:
            store.write(b"", probe)
            store.read(probe)
            store.remove(probe)


def remove_objects(saved: Mapping[str, Any]) -> None:
    """Remove what the interrupted search of a study has left in its object store; says where some are left.

    Args:
        saved: the configuration that the study was saved with; empty where it was not.
    """
    if not saved.get("exchange"):
        return
    try:
        config = SearchConfig.saved(saved)
        objects = StudyObjects(config, NO_RETRIES)
        if objects.driver() and not _other_study(objects, config):
            objects.remove()
    except (ExchangeError, UserError) as error:
        log.warning("objects of study %r may be left in %s: %s", saved["study"], saved["exchange"], error)


@contextmanager
def _refused_as_request(store: ObjectStore) -> Iterator[None]:
    """Raise ConfigError where the store fails in the block: nothing has begun."""
    try:
        yield
    except ExchangeError as error:
        cause = error.__cause__
        raise ConfigError(f"--exchange {store.url}: {_why(error, cause)}") from error


def _why(error: ExchangeError, cause: BaseException | None) -> str:
    """Why a store can't be used, and what to do."""
    if cause is None:
        return str(error)
    reason = reason_of(cause)
    if lacks_credentials(cause):
        return (
            f"no credentials ({reason}): give them by the environment (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY) or a profile (AWS_PROFILE)"
        )
    if is_invalid(cause):
        return f"the store refuses a request ({reason}): mend the URL, the region or the store's settings"
    if isinstance(cause, PermissionError):
        return f"no permission ({reason}): a search reads, writes, lists and removes objects there"
    if isinstance(cause, FileNotFoundError):
        return f"there is no such bucket ({reason}): make it, or give another one"
    return f"does not answer ({reason}): start it, or mend its address (for s3:// AWS_ENDPOINT_URL)"


def _described(config: SearchConfig) -> dict[str, Any]:
    """What tells a study from others of its name."""
    return {
        "study": config.study,
        "storage": without_password(config.absolute().storage_url),
        "host": socket.gethostname(),
    }


def _other_study(objects: StudyObjects, config: SearchConfig) -> str:
    """The study that the objects belong to, in words; empty where it is that of `config`, or nobody's."""
    known, ours = objects.driver(), _described(config)
    if not known:
        return ""
    storage = str(known.get("storage", ""))
    is_file = storage.startswith("sqlite")
    same = bool(storage) and same_database(storage, ours["storage"])
    if known.get("study") == ours["study"] and same and (not is_file or known.get("host") == ours["host"]):
        return ""
    place = one_line(without_password(storage), SHOWN) if storage else "another database"
    where = f" on {one_line(known.get('host'), SHOWN)}" if is_file else ""
    return f"study {one_line(known.get('study'), SHOWN)!r} in {place}{where}"


def _check_ours(objects: StudyObjects, config: SearchConfig) -> None:
    """Check that the objects are of the study of `config`, or that there are none.

    Raises:
        ConfigError: they are of another study, or of another program.
        ExchangeError: the store fails.
    """
    if other := _other_study(objects, config):
        raise ConfigError(
            f"--exchange {objects.store.url}: {objects.place} belongs to {other}: give another --exchange, "
            "or remove it there if that search is not to be resumed"
        )
    if name := objects.foreign():
        raise ConfigError(
            f"--exchange {objects.store.url}: {objects.place} holds objects of another program "
            f"({one_line(name, 80)}): give another --exchange or another --study"
        )
