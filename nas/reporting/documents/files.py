"""A study as a file: refused before anything is made of it, and whole or not there at all."""

from __future__ import annotations

from pathlib import Path

from nas.errors import ExportError
from search_spaces import os_reason
from search_spaces.reading import written_whole


def check_document(output: Path, flag: str, *, force: bool = False) -> None:
    """Check that `output`, which the user gave by `flag`, may be written.

    Raises:
        ExportError: it is a folder, it exists and is not to be replaced by `force`, or nobody can look.
    """
    try:
        exists = output.exists()
    except OSError as error:
        raise _unwritable(output, flag, error) from error
    if output.is_dir():
        raise ExportError(f"{flag} {output} is a folder: give a file")
    if exists and not force:
        raise ExportError(f"{flag} {output} exists: choose another, or replace it by --force")


def write_document(content: bytes, output: Path, flag: str) -> None:
    """Write `content` to `output`, which the user gave by `flag`; it appears only when complete.

    Raises:
        ExportError: it can't be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(output) as file:
            file.write(content)
    except OSError as error:
        raise _unwritable(output, flag, error) from error


def _unwritable(output: Path, flag: str, error: OSError) -> ExportError:
    return ExportError(f"{flag} {output} can't be written ({os_reason(error)}): choose another")
