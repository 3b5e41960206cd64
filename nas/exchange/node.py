"""A node of a cluster as its workers see it: its work folder, and how files come there and leave it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from distill.progress import Reporter
from distill.storage import scratch_folder
from nas.config import CACHE, SETTINGS, SearchConfig
from nas.errors import ConfigError, StudyError, WorkdirError
from nas.exchange.bundle import Bundle
from nas.exchange.errors import ExchangeError, LostObjectError
from nas.exchange.reports import SentReporter
from nas.exchange.study_objects import StudyObjects, carried_files
from nas.retrying import NO_RETRIES, OnWait, RetryPolicy
from nas.study import FolderOwner, trial_folder
from search_spaces import os_reason

VARIABLE = "NAS_NODE_WORKDIR"
LOCK = ".exchange.lock"  # a file in the folder of caches
RETRIES = RetryPolicy(300.0)  # then the trial goes to another worker, which may be on another node
ACTOR = "nas-reports-{}"


class Node:
    """A node that sees the driver's work folder: nothing has to be carried."""

    is_apart = False  # whether its work folder is its own

    def __init__(self, config: SearchConfig, token: str = "") -> None:
        """Look at this node.

        Args:
            config: of the search, with absolute paths.
            token: of the lease of the search's driver; only what belongs to a trial asks for it.
        """
        self.config = config  # with the work folder of this node
        self.owner = FolderOwner(config.folder, token)

    def enter(self) -> None:
        """Make this node's folder ready for workers of our driver.

        Raises:
            StudyError: another driver has taken the study over.
            WorkdirError: the folder can't be written.
        """

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the other workers of this node wait while the block makes what all of them read."""
        yield

    def fetch_caches(self) -> None:
        """Fetch what all candidates read, where it is not on this node."""

    def put_caches(self, files: Callable[[], Iterable[Path]]) -> None:
        """Put what all candidates read, for other nodes."""

    def fetch(self, trial: int, on_wait: OnWait | None = None) -> None:
        """Fetch the files that other nodes have made of a trial."""

    def put(self, trial: int, on_wait: OnWait | None = None) -> dict[str, str]:
        """Put the files of a trial; returns their names in its folder with their SHA-256."""
        return {}

    def put_interim(self, trial: int, on_wait: OnWait | None = None) -> None:
        """Put the files of a trial between two rungs, unless the store is away."""

    def reporter(self, file: Path, seconds: float) -> Reporter:
        """What reports the progress of a worker to the driver; arguments as of `Reporter`."""
        return Reporter(file, seconds)

    def at_driver(self, path: Path) -> Path:
        """Where the driver has the file that is `path` on this node."""
        return path

    def leave(self, trial: int) -> None:
        """Remove the files of a trial, which has ended, where they are a copy of the driver's."""


class ExchangingNode(Node):
    """A node with a work folder of its own, which exchanges files with others through an object store.

    The work folder is the one that NAS_NODE_WORKDIR names in the environment of the node's Ray, else that of
    the driver's path.

    Raises, in general:
        ExchangeOutageError: the store is away for too long.
        ExchangeError: it refuses, or lacks an object.
    """

    is_apart = True

    def __init__(self, config: SearchConfig, token: str = "") -> None:
        own = os.environ.get(VARIABLE, "")
        here = config.model_copy(update={"workdir": Path(own).expanduser().absolute()}) if own else config
        super().__init__(here, token)
        self._driver, self._token = config, token
        self._objects = StudyObjects(here, RETRIES)

    def enter(self) -> None:
        self._check_driver()
        try:
            self.config.folder.mkdir(parents=True, exist_ok=True)
            self.owner.claim()
        except OSError as error:
            raise WorkdirError(
                f"{self.config.folder} on {socket.gethostname()} can't be written ({os_reason(error)}): set "
                f"{VARIABLE} to a folder where Ray is started on that node"
            ) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        cache = self.config.cache
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkdirError(
                f"{cache} on {socket.gethostname()} can't be written ({os_reason(error)}): set {VARIABLE} to "
                "a folder where Ray is started on that node"
            ) from error
        with FileLock(cache / LOCK):
            yield

    def fetch_caches(self) -> None:
        """Fetch what all candidates read, where it is not on this node.

        Raises:
            ConfigError: this node does not see what the driver has written.
        """
        if self._objects.driver().get("study") != self.config.study:
            raise ConfigError(
                f"--exchange {self._objects.store.url}: a worker on {socket.gethostname()} finds nothing "
                "there of what the driver has written: name a store that all nodes reach, by the same address"
            )
        bundle = self._objects.cache()
        files, folders = bundle.usable(), dict[Path, dict[str, str]]()
        for name, digest in files.items():
            folders.setdefault(Path(name).parent, {})[name] = digest
        for folder, inside in folders.items():
            if all((self.config.cache / name).exists() for name in inside):
                continue
            with suppress(LostObjectError):  # it is made on this node, and put
                self._fetch_folder(folder, inside)

    def _fetch_folder(self, folder: Path, files: dict[str, str]) -> None:
        """Fetch all files of a folder of the cache, which appears whole where it is a teacher cache."""
        parent = self.config.cache / folder.parent
        parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(parent, f".{folder.name}-") as scratch:
            Bundle(self._objects.store, f"{self.config.study}/{CACHE}", scratch).fetch(files)
            home = self.config.cache / folder
            if home.exists():  # statistics of several data sets lie side by side
                for path in sorted((scratch / folder).iterdir()):
                    path.replace(home / path.name)
            else:
                (scratch / folder).rename(home)

    def put_caches(self, files: Callable[[], Iterable[Path]]) -> None:
        bundle = self._objects.cache()
        bundle.usable()
        names = [str(path.relative_to(self.config.cache)) for path in files()]
        bundle.put(bundle.digests(names), keep=True)

    def fetch(self, trial: int, on_wait: OnWait | None = None) -> None:
        """Fetch the files that other nodes have made of a trial.

        Those that the store has lost are trained and put again.
        """
        bundle = self._objects.trial(trial)
        for name, digest in bundle.usable(on_wait).items():
            with suppress(LostObjectError):
                bundle.fetch({name: digest}, on_wait, self.owner.check)

    def put(self, trial: int, on_wait: OnWait | None = None) -> dict[str, str]:
        """Put the files of a trial; returns their names in its folder with their SHA-256.

        Raises:
            StudyError: another driver has taken the study over.
        """
        bundle = self._objects.trial(trial)
        files = bundle.digests(carried_files(bundle.folder))
        bundle.put(files, on_wait, lambda: self._check_driver(on_wait))
        return files

    def put_interim(self, trial: int, on_wait: OnWait | None = None) -> None:
        with suppress(ExchangeError), self._objects.store.within(NO_RETRIES):
            self.put(trial, on_wait)  # else the next one, or the rung, is put in its place

    def reporter(self, file: Path, seconds: float) -> Reporter:
        """What reports the progress of a worker to the driver, in the driver's folder."""
        return reporter_for_workers(self._driver, self.at_driver(file), seconds)

    def at_driver(self, path: Path) -> Path:
        return self._driver.workdir / path.relative_to(self.config.workdir)

    def leave(self, trial: int) -> None:
        """Remove the files of a trial, which has ended, unless the work folder is the driver's."""
        self._objects.forget(trial)
        if not (self.config.folder / SETTINGS).exists():
            shutil.rmtree(trial_folder(self.config.folder, trial), ignore_errors=True)

    def _check_driver(self, on_wait: OnWait | None = None) -> None:
        """Check that the objects are still our driver's.

        Raises:
            StudyError: another driver has claimed them, or the search is over.
        """
        if self._objects.driver(on_wait).get("token") != self._token:
            raise StudyError(f"{self._objects.place} was taken over by another driver: its workers train now")


def this_node(config: SearchConfig, token: str = "") -> Node:
    """The node that this process runs on; `config` and `token` as of `Node`.

    Raises:
        ConfigError: the package of the store's protocol is not installed here.
    """
    return Node(config, token) if config.exchange is None else ExchangingNode(config, token)


def reporter_for_workers(config: SearchConfig, file: Path, seconds: float) -> Reporter:
    """What reports the progress of a worker to the driver.

    Args:
        config: of the search.
        file: the report, in the driver's folder; an absolute path.
        seconds: between two reports.
    """
    if config.exchange is None:
        return Reporter(file, seconds)
    return SentReporter(file, seconds, actor=ACTOR.format(config.study))
