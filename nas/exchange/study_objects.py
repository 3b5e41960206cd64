"""The objects of one study in a store: files of its trials, caches, and which driver they belong to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from nas.config import CACHE, SearchConfig
from nas.errors import ConfigError
from nas.exchange.bundle import Bundle
from nas.exchange.errors import ExchangeError
from nas.exchange.object_store import ObjectStore, local_path
from nas.retrying import OnWait, RetryPolicy
from nas.study import TRIALS, trial_folder

DRIVER = "driver.json"  # an object: whose the study's objects are
PROBE_NAME = re.compile(r".*/probe-[0-9a-f]{32}")  # a killed driver may have left one
RUNG = re.compile(r"(checkpoint-)?rung-(\d+)\.pt")  # without the prefix, of an earlier version, from 0
CARRIED = ("*.pt", "losses-*.csv", "*.png", "failure.txt")
"""Files in a trial's folder that a worker makes; its log is the driver's."""


class StudyObjects:
    """What a store holds of the study of `config`, as seen from a node with the work folder of `config`."""

    def __init__(self, config: SearchConfig, policy: RetryPolicy) -> None:
        """Open the store of `config.exchange`.

        Raises:
            ConfigError: as of `ObjectStore`, or the store and the work folder of `config` are one.
        """
        assert config.exchange is not None
        check_apart(config.exchange, config.workdir)
        self.store = ObjectStore(config.exchange, policy)
        self._study, self._folder, self._cache = config.study, config.folder, config.cache
        self._bundles: dict[int, Bundle] = {}

    @property
    def place(self) -> str:
        """Where the study's objects are, for people."""
        return f"{self.store.url}/{self._study}"

    def trial(self, number: int) -> Bundle:
        """The files of a trial."""
        if number not in self._bundles:
            folder = trial_folder(self._folder, number)
            self._bundles[number] = Bundle(self.store, f"{self._study}/{TRIALS}/{folder.name}", folder)
        return self._bundles[number]

    def forget(self, number: int) -> None:
        """Forget what is known of the files of a trial."""
        self._bundles.pop(number, None)

    def cache(self) -> Bundle:
        """What all candidates read: teacher caches, and statistics of real images."""
        return Bundle(self.store, f"{self._study}/{CACHE}", self._cache)

    def trials(self) -> list[int]:
        """Numbers of the trials that have objects."""
        names = self.store.names(f"{self._study}/{TRIALS}")
        found = {name.split("/")[-2] for name in names if name.count("/") >= 2}
        return sorted(int(each) for each in found if each.isdecimal())

    def driver(self, on_wait: OnWait | None = None) -> dict[str, Any]:
        """What the driver that claimed the objects has said of itself; empty without one.

        Raises:
            ExchangeError: it is no object of a search.
        """
        text = self.store.read(f"{self._study}/{DRIVER}", on_wait)
        if text is None:
            return {}
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not found:
            raise ExchangeError(f"{self.place}/{DRIVER} is of another program: give another --exchange")
        return found

    def foreign(self) -> str:
        """The name of an object below the place, where no driver has claimed it; empty without one.

        What is there then is of another program, such as a data set of the study's name.
        """
        if self.driver():
            return ""
        names = (name for name in self.store.names(self._study) if not PROBE_NAME.fullmatch(name))
        return next(names, "")

    def probe(self) -> str:
        """A name for an object that is written and removed to see whether that can be done."""
        return f"{self._study}/probe-{uuid4().hex}"

    def claim(self, said: dict[str, Any]) -> None:
        """Write down whose the objects are."""
        self.store.write(json.dumps(said).encode(), f"{self._study}/{DRIVER}")

    def remove(self) -> None:
        """Remove what a search has put there; last what says whose it is, so that it can be repeated."""
        for folder in (TRIALS, CACHE):
            self.store.remove_below(f"{self._study}/{folder}")
        self.store.remove(f"{self._study}/{DRIVER}")


def check_apart(url: str, workdir: Path) -> None:
    """Check that a store is not in a work folder, nor around it: objects that are removed would be its files.

    Raises:
        ConfigError: it is.
    """
    store, folder = local_path(url), workdir.expanduser().resolve()
    if store is not None and (store.is_relative_to(folder) or folder.is_relative_to(store)):
        raise ConfigError(
            f"--exchange {url}: the store and the work folder {folder} lie in each other: give a folder "
            "beside it"
        )


def carried_files(folder: Path) -> list[str]:
    """Names of the files in a trial's folder that nodes exchange, in order; none where it is not there."""
    found = {path.name for pattern in CARRIED for path in folder.glob(pattern) if _is_whole(path)}
    return sorted(found)


def checkpoints(names: Iterable[str]) -> set[str]:
    """Those of the `names` of a trial's files that are checkpoints."""
    return {name for name in names if name.endswith(".pt")}


def newest_rung(names: Iterable[str]) -> int:
    """The highest number of a rung among the `names` of a trial's files, from 1; 0 without a checkpoint."""
    found = [RUNG.fullmatch(name) for name in names]
    return max((int(each[2]) + (not each[1]) for each in found if each), default=0)


def _is_whole(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file() and not path.is_symlink()
