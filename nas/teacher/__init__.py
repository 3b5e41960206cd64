"""Teachers: reading and joining their files, and training one from images.

Training and reading are imported on first use, because `--help` needs `TeacherRequest` only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nas.teacher.options import TeacherRequest

if TYPE_CHECKING:
    from nas.teacher.file import describe, import_teacher
    from nas.teacher.run import TeacherRun

__all__ = ["TeacherRequest", "TeacherRun", "describe", "import_teacher"]

_HOMES = {"describe": "file", "import_teacher": "file", "TeacherRun": "run"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
