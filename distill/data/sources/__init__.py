"""Where images come from: one module per kind, and the choice between them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from distill.data.builtin import DIGITS
from distill.data.sources.archive import split_member, zip_source
from distill.data.sources.base import Listing, Source
from distill.data.sources.folder import folder_source
from distill.data.sources.idx import idx_source, is_idx
from distill.data.sources.torchvision_sets import PREFIX, torchvision_source
from distill.errors import DataError
from search_spaces import os_reason

__all__ = ["FIX", "TEACHER", "Listing", "Source", "absolute", "open_source", "several"]

TEACHER = "teacher"
"""The name of samples of the teacher in place of real images, which are no source: the teacher makes them."""

FIX = (
    "give a folder or a .zip with .png, .jpg or .webp images (FILE.zip:FOLDER for one in it), an idx file, "
    "torchvision:NAME"
    f" (such as torchvision:CIFAR10), or {DIGITS!r}"
)


def open_source(source: str, stack: ExitStack, *, download: bool) -> Source:
    """The source that `source` names, open until `stack` ends; with `download`, it may be fetched.

    Raises:
        DataError: there is no such thing, it can't be read, or it is not to be trusted.
    """
    if source == TEACHER:
        raise DataError(
            f"--data {TEACHER} stands for samples of a teacher, which there is none of here: {FIX}; a "
            f"folder of this name is ./{TEACHER}"
        )
    if source.startswith(PREFIX):
        return torchvision_source(source.removeprefix(PREFIX), download=download)
    if "://" in source:
        raise DataError(f"--data {source} is an address, which is not read: download it first, then {FIX}")
    named, folder = split_member(source)
    path = Path(named)
    try:
        if path.is_dir():
            return folder_source(path)
        if not path.exists():
            raise DataError(f"{path} does not exist: {FIX}")
        if not path.is_file():
            raise DataError(f"{path} is neither a file nor a folder: {FIX}")
        return idx_source(path) if is_idx(path) else zip_source(path, stack, folder)
    except OSError as error:
        raise DataError(f"{path} can't be read ({os_reason(error)}): {FIX}") from error


def several(data: str) -> list[str]:
    """The sources of `a.zip,b.zip`: folders, archives and tables of attributes; a path may have commas."""
    return [data] if os.path.exists(data) else data.split(",")  # a list may be too long for a path


def absolute(data: str) -> str:
    """`data` so that it means the same in another working folder."""
    return ",".join(map(_absolute, several(data)))


def _absolute(source: str) -> str:
    named = source in (DIGITS, TEACHER) or source.startswith(PREFIX)
    return source if named else str(Path(source).resolve())
