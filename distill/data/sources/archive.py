"""Image files in a .zip, read in place: nothing is ever extracted."""

from __future__ import annotations

import contextlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from distill.data.decoding import check_bytes
from distill.data.label_file import LABEL_FILE
from distill.data.labels import wrapping
from distill.data.sources.base import (
    Listing,
    Source,
    empty_folders,
    fingerprint,
    in_wrapping_folders,
    is_image,
    label_file_of,
    left_out,
)
from distill.errors import DataError
from search_spaces import one_line

MAX_EXPANSION = 100  # images hardly shrink in a .zip; a bomb grows a thousandfold and more
HARMLESS = 64 * 2**20  # bytes that any archive may unpack to
OFFERED = 8  # folders of an archive that an error names
DAMAGED = (
    *(OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    *(RuntimeError, NotImplementedError),  # encrypted; of a compression that zipfile lacks
)
"""What zipfile raises of an archive that can't be opened, or of an entry that can't be read."""


def split_member(source: str) -> tuple[str, str]:
    """The archive and the folder in it, of `images.zip:trainA`; the folder is empty where none is named."""
    named = re.fullmatch(r"(.+\.zip):(.*)", source, flags=re.IGNORECASE | re.DOTALL)
    return (source, "") if named is None or Path(source).exists() else (named[1], named[2])


def zip_source(path: Path, stack: ExitStack, folder: str = "") -> Source:
    """Images in the .zip at `path`, known by their names, sizes and checksums, wherever the file lies.

    Args:
        path: of the archive.
        stack: keeps it open.
        folder: the one in the archive whose images are meant, and those of folders below it; empty for all.
            Folders that all images lie in may be left out of it. Names and labels are as if the archive had
            nothing else.

    Raises:
        DataError: it is no .zip, names a place outside of itself, is a bomb, or has no such folder.
        OSError: it can't be read.
    """
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(
            f"{path} is neither a folder, nor a readable .zip, nor an idx file: "
            "give a folder or a .zip with .png, .jpg or .webp images"
        ) from error
    _check_names(path, archive.infolist())
    infos = [info for info in archive.infolist() if not info.is_dir()]
    check_expansion(path, sum(info.file_size for info in infos))
    root = _root(path, folder, [_with_slashes(info.filename) for info in infos])
    by_name = _below(root, infos)
    names = sorted(name for name in by_name if is_image(name))
    label_file = label_file_of(by_name, names)

    def read(position: int) -> bytes:
        return _read(archive, by_name[names[position]])

    def listing() -> Listing:
        content = None
        if label_file is not None:
            content = b""  # what can't be read labels nothing
            with contextlib.suppress(DataError, *DAMAGED):
                content = _read(archive, by_name[label_file])
        beside = (label_file or "").removesuffix(LABEL_FILE)
        return Listing.labelled(names, read, content, beside)

    used = [*names, *([label_file] if label_file is not None else [])]
    files = ((name, by_name[name].file_size, by_name[name].CRC) for name in used)
    folders = _below(root, [info for info in archive.infolist() if info.is_dir()])
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
        if not name or "\0" in info.orig_filename:
            raise DataError(
                f"{path} holds {one_line(repr(info.orig_filename))}, which is no name of a file: make it anew"
            )
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
            raise DataError(
                f"{path} holds {one_line(repr(name))}, a place outside of itself: "
                "make it anew with relative names"
            )


def _root(path: Path, folder: str, names: Sequence[str]) -> str:
    """The whole name of `folder`, with a slash at the end, in an archive of the files `names`.

    Raises:
        DataError: there is no such folder.
    """
    if not folder:
        return ""
    images = [name for name in names if is_image(name)]
    for root in in_wrapping_folders(f"{_with_slashes(folder).strip('/')}/", images):
        if any(name.startswith(root) for name in names):
            return root
    raise DataError(f"{path} has no folder {one_line(repr(folder), 80)}: {_folders(images)}")


def _below(root: str, infos: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The entries below `root` by their names relative to it; all of them where it is empty."""
    names = ((_with_slashes(info.filename), info) for info in infos)
    return {name.removeprefix(root): info for name, info in names if name.startswith(root)}


def _with_slashes(name: str) -> str:
    return name.replace("\\", "/")  # old tools of Windows write \


def _folders(images: Sequence[str]) -> str:
    """The folders that some of the `images` of an archive lie in, as advice: the upper ones first."""
    around = wrapping(images)
    parents = {PurePosixPath(name.removeprefix(around)).parent for name in images}
    inner = {folder for parent in parents for folder in (parent, *parent.parents)} - {PurePosixPath()}
    if not inner:
        return f"all its images lie in {one_line(around, 80) or 'its root'}; leave the folder out"
    folders = [f"{around}{each}" for each in sorted(inner, key=lambda each: (len(each.parts), str(each)))]
    more = ", …" if len(folders) > OFFERED else ""
    named = ", ".join(one_line(folder, 80) for folder in folders[:OFFERED])
    return f"give one of {named}{more}, or leave it out"


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    check_bytes(info.file_size)
    return archive.read(info)
