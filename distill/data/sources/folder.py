"""Image files in a folder and all folders below it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from distill.data.decoding import check_bytes
from distill.data.labels import find_labels
from distill.data.sources.base import LABEL_FILE, Listing, Source, fingerprint, is_image


def folder_source(folder: Path) -> Source:
    """Images below `folder`, known by their names, sizes and times of change.

    Links to folders are not followed.

    Raises:
        OSError: it can't be read.
    """
    stats = _stats(folder)
    names = sorted(name for name in stats if name != LABEL_FILE)
    files = ((name, stats[name].st_size, stats[name].st_mtime_ns) for name in sorted(stats))

    def read(position: int) -> bytes:
        name = names[position]
        check_bytes(stats[name].st_size)
        return (folder / name).read_bytes()

    def listing() -> Listing:
        content = None
        if LABEL_FILE in stats:
            content = b""  # what can't be read labels nothing
            with suppress(OSError):
                content = (folder / LABEL_FILE).read_bytes()
        return Listing(names, read, find_labels(names, content))

    return Source(fingerprint("folder", str(folder.resolve()), files=files), listing)


def _stats(folder: Path) -> dict[str, os.stat_result]:
    """The images and the label file, by path relative to `folder`."""

    def fail(error: OSError) -> None:
        raise error

    found: dict[str, os.stat_result] = {}
    for parent, _, names in os.walk(folder, onerror=fail):
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if (is_image(relative) or relative == LABEL_FILE) and path.is_file():
                found[relative] = path.stat()
    return found
