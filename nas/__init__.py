"""Neural architecture search for student generators: the public Python interface.

    import nas

    report = nas.search("2M", trials=12)  # as `nas-search --budget-macs 2M` does
    nas.export(report, "student.safetensors")
    student = nas.load_student("student.safetensors")
    images = student.sample(16, seed=0)  # (16, C, H, W), uint8

Names are imported when they are first used, so that `import nas` is free and `load_student` needs no extra of
pyproject.toml. docs/python.md shows them all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nas.extras import missing_extra

if TYPE_CHECKING:
    from nas.api import export, load, open_study, search, write_page
    from nas.budget import Budget
    from nas.checkpoints import HubStudent, evaluate, load_student
    from nas.config import SearchConfig
    from nas.errors import SearchError
    from nas.reporting import SearchReport, TrialReport
    from search_spaces import Generator, UserError

__all__ = [
    "Budget",
    "Generator",
    "HubStudent",
    "SearchConfig",
    "SearchError",
    "SearchReport",
    "TrialReport",
    "UserError",
    "evaluate",
    "export",
    "load",
    "load_student",
    "open_study",
    "search",
    "write_page",
]

_HOMES = {
    "Budget": "nas.budget",
    "Generator": "search_spaces",
    "HubStudent": "nas.checkpoints",
    "SearchConfig": "nas.config",
    "SearchError": "nas.errors",
    "SearchReport": "nas.reporting",
    "TrialReport": "nas.reporting",
    "UserError": "search_spaces",
    "evaluate": "nas.checkpoints",
    "export": "nas.api",
    "load": "nas.api",
    "load_student": "nas.checkpoints",
    "open_study": "nas.api",
    "search": "nas.api",
    "write_page": "nas.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        raise ModuleNotFoundError(f"nas.{name}: {missing}", name=error.name) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
