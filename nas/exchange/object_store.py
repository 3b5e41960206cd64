"""An object store by its URL: whole objects are put, read, listed and removed; nothing else is asked of it.

What fails because the store is away is repeated, waiting longer each time. Every operation may be: an object
has the same content each time it is put.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import fsspec
from fsspec.callbacks import Callback
from fsspec.implementations.local import LocalFileSystem

from nas.errors import ConfigError
from nas.exchange.errors import ExchangeError, ExchangeOutageError
from nas.extras import install
from nas.options import nearest
from nas.retrying import DEFAULT_RETRIES, OnWait, OutageError, RetryPolicy
from search_spaces import one_line
from search_spaces.reading import written_whole

CHUNK = 2**23  # bytes that are read at a time
LONGEST_REASON = 160  # characters
S3: dict[str, Any] = {  # what s3fs is to be told; credentials and addresses it finds by itself
    # how long to try is decided here, where the user sees it; the client's own repetitions would multiply
    "config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"total_max_attempts": 2}},
}
S3_ALIKE = ("s3", "s3a")  # protocols of s3fs
LOCAL = ("file", "local")  # protocols of folders
UNFINISHED = re.compile(r"(.*/)?\.[^/]*\.partial")  # what a killed writer leaves in a folder
PROTOCOLS = (*S3_ALIKE, "gs", "gcs", "abfs", "abfss", "az", *LOCAL)

T = TypeVar("T")


class LocalFileError(Exception):
    """A file of this machine failed, not the store; `cause` says how."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ObjectStore:
    """Whole objects below a URL such as s3://bucket/prefix.

    Names of objects are relative to the URL. Whatever fails because the store is away is repeated.

    Operations raise, unless they say otherwise:
        ExchangeOutageError: the store is away for too long.
        ExchangeError: it refuses, for want of a permission or credentials, because the bucket is gone, or
            because the request makes no sense to it.
    """

    def __init__(self, url: str, policy: RetryPolicy = DEFAULT_RETRIES) -> None:
        """Open the store; nothing is asked of it yet.

        Raises:
            ConfigError: the protocol is that of no object store, or its package is not installed.
        """
        self.url, self.policy = url.rstrip("/"), policy
        self._files = _file_system(url)
        self._root = str(self._files._strip_protocol(self.url)).rstrip("/")

    @contextmanager
    def within(self, policy: RetryPolicy) -> Iterator[None]:
        """Have `policy` in the block."""
        before, self.policy = self.policy, policy
        try:
            yield
        finally:
            self.policy = before

    def put(self, path: Path, name: str, on_wait: OnWait | None = None) -> None:
        """Put the file `path` as the object `name`; an object of this name is replaced.

        Raises:
            OSError: the file can't be read.
        """
        at = self._at(name)

        def put_file() -> None:
            with path.open("rb"):
                pass
            self._files.put_file(str(path), at, callback=_Moving(on_wait))

        self._repeated(put_file, on_wait, str(path))

    def write(self, data: bytes, name: str, on_wait: OnWait | None = None) -> None:
        """Put `data` as the object `name`; an object of this name is replaced."""
        self._repeated(lambda: self._files.pipe_file(self._at(name), data), on_wait)

    def read(self, name: str, on_wait: OnWait | None = None, at_most: int | None = None) -> bytes | None:
        """The content of the object `name`; None where there is none.

        Raises:
            ExchangeError: it has more than `at_most` bytes.
        """
        try:
            if at_most is not None:
                size = self._repeated(lambda: self._files.size(self._at(name)), on_wait, absent=True)
                if size is not None and size > at_most:
                    raise ExchangeError(
                        f"{self.url}/{name} has {size} bytes, more than {at_most}: somebody else has written "
                        "there; remove it"
                    )
            found: bytes = self._repeated(lambda: self._files.cat_file(self._at(name)), on_wait, absent=True)
        except FileNotFoundError:
            return None
        return found

    def fetch(self, name: str, file: IO[bytes], on_wait: OnWait | None = None) -> str:
        """Write the object `name` into an empty `file`; returns the SHA-256 of what was written.

        Raises:
            FileNotFoundError: there is no such object.
            OSError: the file can't be written.
        """

        def copy() -> str:
            file.seek(0)
            file.truncate()
            digest = hashlib.sha256()
            moving = _Moving(on_wait)
            with self._files.open(self._at(name), "rb", block_size=CHUNK, cache_type="readahead") as source:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    try:
                        file.write(chunk)
                    except OSError as error:
                        raise LocalFileError(error) from error
                    moving.relative_update(len(chunk))
            return digest.hexdigest()

        return self._repeated(copy, on_wait, absent=True)

    def names(self, folder: str = "", on_wait: OnWait | None = None) -> list[str]:
        """Names of all objects whose names begin with `folder/`, in order; all without a folder."""
        at = self._at(folder)
        try:
            found = self._repeated(lambda: self._files.find(at), on_wait, absent=True)
        except FileNotFoundError:
            return []
        names = (str(each)[len(self._root) :].lstrip("/") for each in found)
        return sorted(name for name in names if not UNFINISHED.fullmatch(name))

    def remove(self, name: str, on_wait: OnWait | None = None) -> None:
        """Remove the object `name`; one that is gone is no error."""
        with suppress(FileNotFoundError):
            self._repeated(lambda: self._files.rm_file(self._at(name)), on_wait, absent=True)

    def remove_below(self, folder: str) -> None:
        """Remove all objects whose names begin with `folder/`."""
        at = self._at(folder)

        def remove_all() -> None:
            if self._files.find(at):
                self._files.rm(at, recursive=True)

        with suppress(FileNotFoundError):
            self._repeated(remove_all, absent=True)

    def has_bucket(self, folder: str) -> bool:
        """Whether there is the bucket that the URL names: objects below `folder` can be listed, if any."""
        try:
            self._repeated(lambda: self._files.find(self._at(folder)), absent=True)
        except FileNotFoundError:
            return False
        return True

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _repeated(
        self,
        action: Callable[[], T],
        on_wait: OnWait | None = None,
        local: str = "",
        *,
        absent: bool = False,
    ) -> T:
        """The result of `action`, repeated while it fails by an outage.

        Args:
            action: what may fail.
            on_wait: receives that it is not over.
            local: file of this machine whose errors are not the store's.
            absent: raise FileNotFoundError where the object is not there.
        """

        def outage(error: Exception) -> str | None:
            if isinstance(error, LocalFileError) or _is_bug(error) or _is_local(error, local):
                return None
            if absent and isinstance(error, FileNotFoundError):
                return None
            if (why := self._refusal(error)) is not None:
                raise ExchangeError(f"{why}, then run the same command again") from error
            return reason_of(error)  # each package has its own errors

        try:
            return self.policy.retry(action, outage, self.url, on_wait)
        except LocalFileError as error:
            raise error.cause from error
        except OutageError as error:
            raise ExchangeOutageError(
                f"{self.url} has not answered for {error.seconds:.0f} s ({error.reason})"
            ) from error.__cause__

    def _refusal(self, error: Exception) -> str | None:
        """What to mend where `error` is final; None where it is an outage, and may be over in a moment."""
        reason = reason_of(error)
        if isinstance(error, FileNotFoundError):
            return f"{self.url} is gone ({reason}): make it again"
        if isinstance(error, PermissionError):
            return f"{self.url} refuses access ({reason}): mend credentials or rights"
        if lacks_credentials(error):
            return (
                f"{self.url} can't be asked, for want of credentials ({reason}): give them by the "
                "environment or a profile"
            )
        if is_invalid(error):
            return (
                f"{self.url} refuses a request ({reason}): mend the URL, the region or the store's settings"
            )
        return None


class _Folder(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A folder in which an object that is written from memory appears whole, as in a store."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """fsspec's name for writing a whole object."""
        place = Path(self._strip_protocol(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(place) as file:
            file.write(value)


class _Moving(Callback):  # type: ignore[misc]  # fsspec has no types
    """Tells an `OnWait` of every part of a file that has been moved."""

    def __init__(self, on_wait: OnWait | None) -> None:
        super().__init__()
        self._on_wait, self._began = on_wait, time.monotonic()

    def relative_update(self, inc: int = 1) -> None:
        """fsspec's name for so many more bytes."""
        super().relative_update(inc)
        if self._on_wait is not None:
            self._on_wait(time.monotonic() - self._began)


def local_path(url: str) -> Path | None:
    """The folder of this machine that `url` names, without links; None where it names none."""
    protocol, _, place = url.partition("://")
    return Path(place).resolve() if protocol in LOCAL else None


def reason_of(error: BaseException) -> str:
    """Why something failed, in one line."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__, LONGEST_REASON)


def lacks_credentials(error: BaseException) -> bool:
    """Whether a client found no credentials: NoCredentialsError, DefaultCredentialsError, of any package."""
    return "Credential" in type(error).__name__


def is_invalid(error: BaseException) -> bool:
    """Whether a store found that a request makes no sense: a name of a bucket, a region, an argument."""
    return isinstance(error, OSError) and error.errno == errno.EINVAL


def _is_bug(error: Exception) -> bool:
    """Whether Python itself raised `error`: failures of a store are errors of the system or of packages."""
    return type(error).__module__ == "builtins" and not isinstance(error, OSError)


def _is_local(error: Exception, path: str) -> bool:
    """Whether `error` is of the file `path` of this machine."""
    return bool(path) and isinstance(error, OSError) and os.fspath(error.filename or "") == path


def _file_system(url: str) -> Any:
    """fsspec's file system for the protocol of `url`.

    Raises:
        ConfigError: it is that of no object store, its package is not installed, or refuses.
    """
    protocol = url.partition("://")[0]
    if protocol not in PROTOCOLS:
        raise ConfigError(
            f"--exchange {url}: {protocol} is no protocol of an object store{nearest(protocol, PROTOCOLS)}; "
            f"give one of {', '.join(PROTOCOLS)}"
        )
    if protocol in LOCAL:
        return _Folder(auto_mkdir=True, skip_instance_cache=True)
    own = S3 if protocol in S3_ALIKE else {}
    try:
        files = fsspec.filesystem(protocol, use_listings_cache=False, skip_instance_cache=True, **own)
    except ValueError as error:
        raise ConfigError(f"--exchange {url}: {reason_of(error)}") from error
    except ImportError as error:
        how = (
            f"the package s3fs is not installed: {install('s3')}"
            if protocol in S3_ALIKE
            else reason_of(error)
        )
        raise ConfigError(f"--exchange {url}: {how}") from error
    if protocol in S3_ALIKE:
        files.retries = 1  # s3fs's own repetitions, on top of those of the client
    return files
