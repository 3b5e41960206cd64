"""How much the files of a study take."""

from __future__ import annotations

from pathlib import Path

from nas.budget import format_quantity


def folder_bytes(folder: Path) -> int:
    """The sizes of all files below `folder`; one that goes meanwhile or is out of reach has none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def format_bytes(count: int) -> str:
    """ "38.2 MB": three significant digits."""
    text = format_quantity(count)
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"
