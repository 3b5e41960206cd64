"""The log of a study's runs, and of each trial: what happens, as lines of JSON in files of bounded size."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console

from nas.progress.events import Event, RunEnded
from nas.progress.terminal import Terminal

LOG = "log.jsonl"
MOST_BYTES = 8 * 2**20  # then it becomes log.jsonl.1, and the one before is deleted
MOST_TRIAL_BYTES = 128 * 2**10  # the same of a trial's log, of which a rung takes a few hundred
LEFT_OUT = ("trial_progress", "work")  # events of every few seconds: they say where a run is, not what was
LIBRARY = "nas"  # whose loggers' messages go to the log, too


class RunLog:
    """Appends events to the log of a study, each with the time, its level, the process and the run."""

    def __init__(
        self,
        folder: Path,
        run: str,
        first: Event | None = None,
        most_bytes: int = MOST_BYTES,
        trial_folder: Callable[[int], Path] | None = None,
    ) -> None:
        """Open the log in `folder` for the run of the id `run`, and write its `first` event.

        What is of a trial is written to a log in the folder of that trial, too.

        Raises:
            OSError: it can't be written, or is a link or no file.
        """
        self._handler = _NoLinks(folder / LOG, maxBytes=most_bytes, backupCount=1, encoding="utf-8")
        self._lines, self._trial_folder = _Lines(run), trial_folder
        self._handler.setFormatter(self._lines)
        if first is not None:
            self.write(first)

    def write(self, event: Event) -> None:
        """Append an event, unless it is one of those that come every few seconds."""
        if event.event in LEFT_OUT:
            return
        level = getattr(event, "level", "info")
        record = logging.LogRecord(
            LIBRARY, logging.getLevelNamesMapping()[level.upper()], "", 0, "", (), None
        )
        fields = event.model_dump(mode="json")
        record.fields = fields
        self._handler.handle(record)
        trial = fields.get("trial")
        if trial is not None and self._trial_folder is not None:
            self._write_of_trial(self._trial_folder(trial), record)

    def _write_of_trial(self, folder: Path, record: logging.LogRecord) -> None:
        """Append to the log in `folder`, and close it: thousands of trials have one each."""
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            handler = _NoLinks(folder / LOG, maxBytes=MOST_TRIAL_BYTES, backupCount=1, encoding="utf-8")
            handler.setFormatter(self._lines)
            with closing(handler):
                handler.handle(record)

    @contextmanager
    def listening(self, console: Console) -> Iterator[None]:
        """Append the events of `console` and what our loggers say while the block runs, and how it ends."""
        logger = logging.getLogger(LIBRARY)
        # where nobody has set up logging, Python shows warnings itself, but only while there is no handler
        handlers = [self._handler] + ([] if logger.hasHandlers() else [logging.lastResort])
        if isinstance(console, Terminal):
            console.run_log = self
        for handler in handlers:
            if handler is not None:
                logger.addHandler(handler)
        try:
            yield
        except BaseException as error:
            self.write(RunEnded(level="error", text=f"{type(error).__name__}: {error}".rstrip(": ")))
            raise
        else:
            self.write(RunEnded())
        finally:
            for handler in handlers:
                if handler is not None:
                    logger.removeHandler(handler)
            if isinstance(console, Terminal):
                console.run_log = None
            with suppress(OSError):  # what was not written yet, on a full disk
                self._handler.close()


class _Lines(logging.Formatter):
    """A record as a line of JSON: an event's own fields, or the text of another message."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run

    def format(self, record: logging.LogRecord) -> str:
        said = {"event": "message", "logger": record.name, "text": record.getMessage()}
        fields = dict(getattr(record, "fields", said))
        now = datetime.fromtimestamp(record.created, UTC)
        head = {
            "event": fields.pop("event"),
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "pid": os.getpid(),
            "run": self._run,
        }
        fields.pop("level", None)
        return json.dumps(head | fields)


class _NoLinks(RotatingFileHandler):
    """A log that is neither written through a link nor into anything but a file, and fails silently.

    A run does not end because its log can't be written any more, as on a full disk.
    """

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self.baseFilename, flags, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "is no file", self.baseFilename)
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def doRollover(self) -> None:  # noqa: N802  # the standard library's name
        with suppress(OSError):
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the standard library's name
        """Nothing."""
