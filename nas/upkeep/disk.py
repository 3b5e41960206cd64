"""What the files of a study take, by kind."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nas.config import DATABASE

PICTURES = (".png", ".jpg")
LOGS = (".csv", ".jsonl", ".1", ".txt", ".log")
CHECKPOINTS = (".pt", ".safetensors")


class DiskUse(BaseModel):
    """Bytes of the files of a study, by kind."""

    model_config = ConfigDict(frozen=True)

    checkpoints: int = 0
    samples: int = 0  # and what the dashboard shows
    logs: int = 0
    database: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return self.checkpoints + self.samples + self.logs + self.database + self.other


def disk_use(folder: Path) -> DiskUse:
    """What the files below `folder` take; links are not followed, and a file that goes meanwhile has none."""
    found = dict.fromkeys(DiskUse.model_fields, 0)
    for path, size in files_below(folder):
        found[_kind(path, folder)] += size
    return DiskUse(**found)


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every regular file below `folder` and its size in bytes; no link is followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            try:
                about = path.lstat()
            except OSError:  # gone meanwhile
                continue
            if stat.S_ISREG(about.st_mode):
                yield path, about.st_size


def _kind(path: Path, folder: Path) -> str:
    if path.parent == folder and path.name.startswith(DATABASE):
        return "database"
    if path.suffix in CHECKPOINTS:
        return "checkpoints"
    if path.suffix in PICTURES or path.parent == folder / "artifacts":
        return "samples"
    return "logs" if path.suffix in LOGS else "other"
