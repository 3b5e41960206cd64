"""The files of a study in another folder, each compared with what was read."""

from __future__ import annotations

import hashlib
import os
import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from distill.storage import LOCK, OWNER
from nas.config import DATABASE, SETTINGS, write_toml
from nas.errors import WorkdirError
from nas.study import DRIVER, REPORT, RungRecord
from nas.upkeep.disk import files_below
from search_spaces import file_digest

CHUNK = 2**20  # bytes
ROOM = 2**26  # bytes that stay free beside the copy
KEPT = 2  # checkpoints of a training, those of its last rungs
NOT_COPIED = {REPORT, DRIVER, OWNER, LOCK}  # of running processes


def files_to_copy(folder: Path) -> list[tuple[Path, int]]:
    """The files of a study below `folder`, with their bytes: neither its database nor what a run leaves."""
    return [
        (path, size)
        for path, size in (files_below(folder) if folder.is_dir() else ())
        if not (path.parent == folder and path.name.startswith(DATABASE))
        and path.name not in NOT_COPIED
        and not path.name.endswith(".partial")
    ]


def check_room(files: Sequence[tuple[Path, int]], place: Path) -> None:
    """Check that the disk of the folder `place` has room for a copy of `files`.

    Raises:
        WorkdirError: it has not.
    """
    needed, free = sum(size for _, size in files), shutil.disk_usage(place).free
    if needed + ROOM > free:
        raise WorkdirError(
            f"{place} has {free / 1e9:.1f} GB free, and the study's files take {needed / 1e9:.1f} GB: make "
            "room, or give another --to-workdir"
        )


def copy_files(
    files: Sequence[tuple[Path, int]], folder: Path, target: Path, on_bytes: Callable[[int], None]
) -> dict[str, str]:
    """Copy `files` below `folder` to `target`, synced to the disk; returns SHA-256 by relative path.

    Raises:
        OSError: a file can't be read or written; links are refused.
    """
    digests, done = {}, 0
    for path, _ in files:
        relative = path.relative_to(folder)
        to = target / relative
        to.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source, to.open("xb") as copy:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
                done += len(chunk)
                on_bytes(done)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(path, to)  # times: the newest study is the one that was searched last
        digests[str(relative)] = digest.hexdigest()
    return digests


def write_settings(target: Path, place: Mapping[str, str]) -> None:
    """Have the settings in the folder `target` say where the study is now: its `workdir` and `storage`."""
    path = target / SETTINGS
    if path.is_file():
        times = path.stat()
        write_toml(path, tomllib.loads(path.read_text(encoding="utf-8")) | dict(place))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def differing_files(digests: Mapping[str, str], target: Path) -> list[str]:
    """Files below `target` that are not there or have another digest, but for the settings."""
    return [
        name
        for name, digest in digests.items()
        if name != SETTINGS and not ((target / name).is_file() and file_digest(target / name) == digest)
    ]


def compared_checkpoints(
    rungs: Sequence[RungRecord], digests: Mapping[str, str]
) -> tuple[int, int, list[str]]:
    """How many checkpoints have the digest of their record, how many are gone, and which have another.

    A training itself deletes those before its last two rungs: they are not gone.
    """
    newest: dict[int, int] = {}
    for rung in rungs:
        newest[rung.trial] = max(rung.rung, newest.get(rung.trial, 0))
    fitting = sum(digests.get(rung.checkpoint) == rung.sha256 for rung in rungs)
    gone = sum(rung.checkpoint not in digests and rung.rung > newest[rung.trial] - KEPT for rung in rungs)
    return fitting, gone, [r.checkpoint for r in rungs if digests.get(r.checkpoint, r.sha256) != r.sha256]
