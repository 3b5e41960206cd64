"""Image files in a .zip, read in place: nothing is ever extracted."""

from __future__ import annotations

import contextlib
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path

from distill.data.decoding import check_bytes
from distill.data.labels import find_labels
from distill.data.sources.base import LABEL_FILE, Listing, Source, fingerprint, is_image
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
    members = sorted((info for info in infos if is_image(info.filename)), key=lambda info: info.filename)
    label_files = [info for info in infos if info.filename == LABEL_FILE]

    def read(position: int) -> bytes:
        return _read(archive, members[position])

    def listing() -> Listing:
        names = [info.filename for info in members]
        content = None
        for info in label_files:
            content = b""  # what can't be read labels nothing
            with contextlib.suppress(Exception):  # of a damaged archive
                content = _read(archive, info)
        return Listing(names, read, find_labels(names, content))

    files = ((info.filename, info.file_size, info.CRC) for info in members + label_files)
    return Source(fingerprint("zip", files=files), listing)


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
