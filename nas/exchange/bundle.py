"""Files of a folder as objects of a store, with a list of their names and SHA-256.

An object is named after the SHA-256 of its content, and the list is put last: a put that was cut is never
listed, and one that is repeated changes nothing. No object is renamed or appended to.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nas.exchange.errors import ExchangeError, LostObjectError
from nas.exchange.object_store import ObjectStore
from nas.retrying import OnWait
from search_spaces import file_digest, one_line
from search_spaces.reading import written_whole

LIST = "files.json"  # an object of the bundle
LIST_BYTES = 2**24  # of a list that is read
SHA256 = re.compile(r"[0-9a-f]{64}")
SETTLED = 2 * 10**9  # ns since a file was written
ATTEMPTS = 3  # at an object whose content is not that of its name

Files = Mapping[str, str]
"""Paths relative to a folder ─► SHA-256."""


class Bundle:
    """Some files of `folder` as objects below `place` in a store."""

    def __init__(self, store: ObjectStore, place: str, folder: Path) -> None:
        self._store, self._place, self.folder = store, place, folder
        self._listed: dict[str, str] | None = None  # as this process has seen or written it
        self._digests: dict[tuple[Path, int, int], str] = {}  # by path, time of writing and size

    def listed(self, on_wait: OnWait | None = None) -> dict[str, str]:
        """The files that the store has, by its list; none without one.

        Raises:
            ExchangeError: the list names files outside of the folder.
        """
        text = self._store.read(f"{self._place}/{LIST}", on_wait, at_most=LIST_BYTES)
        self._listed = {} if text is None else self._parsed(text)
        return dict(self._listed)

    def usable(self, on_wait: OnWait | None = None) -> dict[str, str]:
        """Those of the listed files whose objects are there; `put` puts the others anew.

        Raises:
            ExchangeError: the list names files outside of the folder.
        """
        listed = self.listed(on_wait)
        there = (
            {name.rpartition("/")[2] for name in self._store.names(self._place, on_wait)} if listed else set()
        )
        self._listed = {name: digest for name, digest in listed.items() if digest in there}
        return dict(self._listed)

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """The SHA-256 of files of the folder; one that has not changed is not read again.

        Raises:
            OSError: a file can't be read.
        """
        found = {}
        for name in names:
            path = self.folder / name
            about = path.stat()
            key = (path, about.st_mtime_ns, about.st_size)
            found[name] = self._digests.get(key) or file_digest(path)
            if time.time_ns() - about.st_mtime_ns > SETTLED:  # else it may change within a tick of its clock
                self._digests[key] = found[name]
        return found

    def put(
        self,
        files: Files,
        on_wait: OnWait | None = None,
        check: Callable[[], object] = lambda: None,
        *,
        keep: bool = False,
    ) -> None:
        """Put `files` of the folder, then their list; objects that were listed and are not any more go.

        Args:
            files: what `digests` returns.
            on_wait: receives that it is not over.
            check: called before anything is put, and before the list is; raises where this process may not
                write any more.
            keep: files that are listed already stay listed.

        Raises:
            OSError: a file can't be read.
        """
        before = self.listed(on_wait) if self._listed is None else self._listed
        after = {**before, **files} if keep else dict(files)
        if after == before:
            return
        check()
        there = set(before.values())
        for name, digest in files.items():
            if digest not in there:
                self._store.put(self.folder / name, f"{self._place}/{digest}", on_wait)
                there.add(digest)
        check()
        self._store.write(json.dumps({"files": after}).encode(), f"{self._place}/{LIST}", on_wait)
        self._listed = after
        for digest in set(before.values()) - set(after.values()):
            self._store.remove(f"{self._place}/{digest}", on_wait)

    def fetch(
        self,
        files: Files,
        on_wait: OnWait | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> list[str]:
        """Write those of `files` that the folder lacks, or has with other content; returns their names.

        A file appears whole, on the disk, and with the SHA-256 that it is to have, or not at all.

        Args:
            files: as `listed` returns them.
            on_wait: receives that it is not over.
            check: called before a file takes its place; raises where this process may not write any more.

        Raises:
            LostObjectError: an object is missing, or was damaged each time that it was read and is removed;
                `put` puts it anew.
            OSError: a file can't be written.
        """
        missing = [name for name, digest in files.items() if not self._has(name, digest)]
        for name in missing:
            self._fetch_one(name, files[name], on_wait, check)
        return missing

    def remove(self) -> None:
        """Remove all objects of the bundle."""
        self._store.remove_below(self._place)
        self._listed = None

    def _has(self, name: str, digest: str) -> bool:
        try:
            return self.digests([name])[name] == digest
        except FileNotFoundError:
            return False

    def _fetch_one(self, name: str, digest: str, on_wait: OnWait | None, check: Callable[[], object]) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            with suppress(_DamagedError), written_whole(path) as file:
                if self._copied(name, digest, file, on_wait) != digest:
                    raise _DamagedError
                check()
                return
        check()
        self._lose(digest)
        self._store.remove(f"{self._place}/{digest}", on_wait)
        raise LostObjectError(
            f"{self._store.url}: {self._place}/{digest} has another SHA-256, {ATTEMPTS} times, and was "
            "removed: run the same command again, and a worker puts it anew, or trains its rung again"
        )

    def _lose(self, digest: str) -> None:
        """Take an object for not listed, so that it is put anew."""
        if self._listed is not None:
            self._listed = {name: each for name, each in self._listed.items() if each != digest}

    def _copied(self, name: str, digest: str, file: IO[bytes], on_wait: OnWait | None) -> str:
        """Write the object of a file into an empty `file`; returns the SHA-256 of what was written."""
        try:
            return self._store.fetch(f"{self._place}/{digest}", file, on_wait)
        except FileNotFoundError as error:
            self._lose(digest)
            raise LostObjectError(
                f"{self._store.url} lacks {self._place}/{digest}, which is {name}: run the same command "
                "again, and a worker that has it puts it anew, or trains its rung again"
            ) from error

    def _parsed(self, text: bytes) -> dict[str, str]:
        """The list that `text` is.

        Raises:
            ExchangeError: it is none, or has names outside of the folder, or with control characters.
        """
        try:
            found: Any = json.loads(text)["files"]
            files = {str(name): str(digest) for name, digest in found.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExchangeError(
                f"{self._store.url}: {self._place}/{LIST} is no list of files: remove {self._place} there, "
                "then run the same command again"
            ) from error
        for name, digest in files.items():
            parts = PurePosixPath(name).parts
            inside = parts and ".." not in parts and not name.startswith("/") and name.isprintable()
            if not inside or not SHA256.fullmatch(digest):
                raise ExchangeError(
                    f"{self._store.url}: {self._place}/{LIST} names {one_line(name, 80)}, which is no file "
                    "of the folder: somebody else has written there; remove it"
                )
        return files


class _DamagedError(Exception):
    """An object has another content than its name says."""
