"""Image files in a .zip, read in place: nothing is ever extracted."""

from __future__ import annotations

import contextlib
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path

from distill.data.decoding import check_bytes
from distill.data.label_file import LABEL_FILE
from distill.data.sources.base import (
    Listing,
    Source,
    empty_folders,
    fingerprint,
    is_image,
    label_file_of,
    left_out,
)
from distill.errors import DataError
from search_spaces import one_line

MAX_EXPANSION = 100  # images hardly shrink in a .zip; a bomb grows a thousandfold and more
HARMLESS = 64 * 2**20  # bytes that any archive may unpack to


def zip_source(path: Path, stack: ExitStack) -> Source:
    """Images in the .zip at `path`, known by their names, sizes and checksums, wherever the file lies.

    Raises:
        DataError: it is no .zip, names a place outside of itself, or is a bomb.
        OSError: it can't be read.
    """
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(
            f"{path} is neither a folder, nor a readable .zip, nor an idx file: "
            "give a folder or a .zip with .png, .jpg or .webp images"
        ) from error
    infos = [info for info in archive.infolist() if not info.is_dir()]
    _check_names(path, infos)
    check_expansion(path, sum(info.file_size for info in infos))
    by_name = {info.filename.replace("\\", "/"): info for info in infos}  # old tools of Windows write \
    names = sorted(name for name in by_name if is_image(name))
    label_file = label_file_of(by_name, names)

    def read(position: int) -> bytes:
        return _read(archive, by_name[names[position]])

    def listing() -> Listing:
        content = None
        if label_file is not None:
            content = b""  # what can't be read labels nothing
            with contextlib.suppress(Exception):  # of a damaged archive
                content = _read(archive, by_name[label_file])
        beside = (label_file or "").removesuffix(LABEL_FILE)
        return Listing.labelled(names, read, content, beside)

    used = [*names, *([label_file] if label_file is not None else [])]
    files = ((by_name[name].filename, by_name[name].file_size, by_name[name].CRC) for name in used)
    folders = [info.filename.replace("\\", "/") for info in archive.infolist() if info.is_dir()]
    others = left_out(sorted(by_name.keys() - {*used})) + empty_folders(folders, names)
    return Source(fingerprint("zip", files=files), listing, tuple(others))


def check_expansion(path: Path, unpacked: int) -> None:
    """Refuse what would become `unpacked` bytes out of the much smaller file at `path`.

    Raises:
        DataError: it would grow more than `MAX_EXPANSION` times.
    """
    packed = path.stat().st_size  # entries of a bomb may overlap, so that their own sizes add up to more
    if unpacked > max(HARMLESS, MAX_EXPANSION * packed):
        raise DataError(
            f"{path} has {packed} bytes and would unpack to {unpacked}, more than {MAX_EXPANSION} times as"
            " many: make it anew from the images, if you trust it"
        )


def _check_names(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        name = info.filename
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
            raise DataError(
                f"{path} holds {one_line(repr(name))}, a place outside of itself: "
                "make it anew with relative names"
            )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    check_bytes(info.file_size)
    return archive.read(info)
