"""Trained students: export, loading, sampling, evaluation.

Modules are imported on first use: to load a student, no package of an extra is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.checkpoints.evaluation import evaluate
    from nas.checkpoints.export import Exported, better_seed, choose, export_student, trial_checkpoint
    from nas.checkpoints.formats import FORMATS, Export, Settings, Written, write_checkpoint
    from nas.checkpoints.hub_student import HubStudent
    from nas.checkpoints.latency import measure_study
    from nas.checkpoints.raw import raw_images
    from nas.checkpoints.sampling import check_output, draw, write
    from nas.checkpoints.shows import ANIMATIONS, Show, show
    from nas.checkpoints.student import load_student
    from nas.checkpoints.translation import Translated, translate

__all__ = [
    "ANIMATIONS",
    "FORMATS",
    "Export",
    "Exported",
    "HubStudent",
    "Settings",
    "Show",
    "Translated",
    "Written",
    "better_seed",
    "check_output",
    "choose",
    "draw",
    "evaluate",
    "export_student",
    "load_student",
    "measure_study",
    "raw_images",
    "show",
    "translate",
    "trial_checkpoint",
    "write",
    "write_checkpoint",
]

_HOMES = {
    "FORMATS": "formats",
    "Export": "formats",
    "Exported": "export",
    "HubStudent": "hub_student",
    "Settings": "formats",
    "ANIMATIONS": "shows",
    "Show": "shows",
    "Translated": "translation",
    "Written": "formats",
    "better_seed": "export",
    "check_output": "sampling",
    "choose": "export",
    "draw": "sampling",
    "evaluate": "evaluation",
    "export_student": "export",
    "load_student": "student",
    "measure_study": "latency",
    "raw_images": "raw",
    "show": "shows",
    "translate": "translation",
    "trial_checkpoint": "export",
    "write": "sampling",
    "write_checkpoint": "formats",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
