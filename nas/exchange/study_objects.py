"""The objects of one study in a store: files of its trials, caches, and which driver they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nas.config import CACHE, SearchConfig
from nas.exchange.bundle import Bundle
from nas.exchange.errors import ExchangeError
from nas.exchange.object_store import ObjectStore, OnWait, Patience
from nas.study import TRIALS, trial_folder

DRIVER = "driver.json"  # an object: whose the study's objects are
CARRIED = ("*.pt", "losses-*.csv", "*.png", "failure.txt")
"""Files in a trial's folder that a worker makes; its log is the driver's."""


class StudyObjects:
    """What a store holds of the study of `config`, as seen from a node with the work folder of `config`."""

    def __init__(self, config: SearchConfig, patience: Patience) -> None:
        """Open the store of `config.exchange`; raises what `ObjectStore` does."""
        assert config.exchange is not None
        self.store = ObjectStore(config.exchange, patience)
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

    def claim(self, said: dict[str, Any]) -> None:
        """Write down whose the objects are."""
        self.store.write(json.dumps(said).encode(), f"{self._study}/{DRIVER}")

    def remove(self) -> None:
        """Remove all objects of the study."""
        self.store.remove_below(self._study)


def carried_files(folder: Path) -> list[str]:
    """Names of the files in a trial's folder that nodes exchange, in order; none where it is not there."""
    found = {path.name for pattern in CARRIED for path in folder.glob(pattern) if _is_whole(path)}
    return sorted(found)


def checkpoints(names: Iterable[str]) -> set[str]:
    """Those of the `names` of a trial's files that are checkpoints."""
    return {name for name in names if name.endswith(".pt")}


def _is_whole(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file() and not path.is_symlink()
