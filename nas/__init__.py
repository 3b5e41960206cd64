"""Neural architecture search for student generators: the public Python interface.

Names are imported when they are first used, so that `import nas` is free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.checkpoints import load_student

__all__ = ["load_student"]

_HOMES = {"load_student": "nas.checkpoints"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
