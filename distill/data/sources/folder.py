"""Image files in a folder and all folders below it."""

from __future__ import annotations

import heapq
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
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


@dataclass
class _Found:
    """What lies in a folder, by paths relative to it."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)  # to folders, a heap
    broken: list[str] = field(default_factory=list)  # links to nothing
    again: list[str] = field(default_factory=list)  # links to folders that are read already
    special: list[str] = field(default_factory=list)  # pipes, sockets and devices


def folder_source(folder: Path) -> Source:
    """Images below `folder`, known by their names, sizes and times of change.

    Links to folders are followed, each folder once.

    Raises:
        DataError: a link leads to a folder that it lies in.
        OSError: it can't be read.
    """
    found = _walk(folder)
    stats = found.files
    names = sorted(name for name in stats if is_image(name))
    label_file = label_file_of(stats, names)
    used = [*names, *([label_file] if label_file is not None else [])]
    files = ((name, stats[name].st_size, stats[name].st_mtime_ns) for name in sorted(used))

    def read(position: int) -> bytes:
        name = names[position]
        check_bytes(stats[name].st_size)
        return (folder / name).read_bytes()

    def listing() -> Listing:
        content = None
        if label_file is not None:
            content = b""  # what can't be read labels nothing
            with suppress(OSError):
                content = (folder / label_file).read_bytes()
        return Listing.labelled(names, read, content, (label_file or "").removesuffix(LABEL_FILE))

    notes = left_out(sorted(stats.keys() - {*used})) + empty_folders(found.folders, names)
    for links, why in ((found.broken, "to nothing"), (found.again, "to a folder that is read already")):
        if links:
            what = "links lead" if len(links) > 1 else "link leads"
            notes.append(f"{len(links)} {what} {why}, the first of them is {one_line(links[0], 80)}")
    if found.special:
        count, first = len(found.special), one_line(found.special[0], 80)
        notes.append(f"{count} of another kind than files, such as pipes, the first of them is {first}")
    return Source(fingerprint("folder", str(folder.resolve()), files=files), listing, tuple(notes))


def _walk(folder: Path) -> _Found:
    """All files below `folder`; real folders come before links to them."""
    found, read = _Found(), set[Path]()
    found.links.append(folder)
    while found.links:
        start = heapq.heappop(found.links)
        real = start.resolve()
        if start != folder and start.parent.resolve().is_relative_to(real):
            link = one_line(start.relative_to(folder), 80)
            raise DataError(f"{folder} holds a link to a folder that it lies in, {link}: remove the link")
        if real in read:
            found.again.append(start.relative_to(folder).as_posix())
            continue
        _list(start, folder, found, read)
    return found


def _list(start: Path, folder: Path, found: _Found, read: set[Path]) -> None:
    """Add what lies below `start` to `found`, and the real folders there to `read`."""

    def fail(error: OSError) -> None:
        raise error

    for parent, below, names in os.walk(start, onerror=fail):
        here = Path(parent)
        read.add(here.resolve())
        inside = here.relative_to(folder).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        for name in below:
            if (here / name).is_symlink():
                heapq.heappush(found.links, here / name)
            else:
                found.folders.append(f"{prefix}{name}")
        below[:] = [name for name in below if (here / name).resolve() not in read]
        for name in names:
            try:
                status = os.stat(os.path.join(parent, name))
            except OSError:
                found.broken.append(f"{prefix}{name}")
                continue
            if stat.S_ISREG(status.st_mode):
                found.files[f"{prefix}{name}"] = status
            else:
                found.special.append(f"{prefix}{name}")
