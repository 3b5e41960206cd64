"""Quality of generated images: FID and other metrics over features, and grids of samples.

Modules that need torch-fidelity are imported on first use: it takes seconds and 85 MB, and drivers and
command lines need the rest only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from distill.evaluation.extractors import (
    EXTRACTORS,
    Extractor,
    ExtractorChoice,
    check_colours,
    check_domain,
    check_extractor,
    choose_extractor,
    domain_of,
    domain_warnings,
    extractor_file,
    extractor_line,
    few_samples,
    given_weights,
    load_extractor,
)
from distill.evaluation.generation import images_at_a_time
from distill.evaluation.grids import compare, image_grid, sample, save_png
from distill.evaluation.names import distance_name
from distill.evaluation.scores import FidScore, Score

if TYPE_CHECKING:
    from distill.evaluation.fidelity import Fidelity
    from distill.evaluation.metrics import check_names, check_task_has, metrics_of, needs_extractor

__all__ = [
    "EXTRACTORS",
    "Extractor",
    "ExtractorChoice",
    "FidScore",
    "Fidelity",
    "Score",
    "check_colours",
    "check_domain",
    "check_extractor",
    "check_names",
    "check_task_has",
    "choose_extractor",
    "compare",
    "distance_name",
    "domain_of",
    "domain_warnings",
    "extractor_file",
    "extractor_line",
    "few_samples",
    "given_weights",
    "image_grid",
    "images_at_a_time",
    "load_extractor",
    "metrics_of",
    "needs_extractor",
    "sample",
    "save_png",
]

_LATE = {
    "Fidelity": "distill.evaluation.fidelity",
    "check_names": "distill.evaluation.metrics",
    "check_task_has": "distill.evaluation.metrics",
    "metrics_of": "distill.evaluation.metrics",
    "needs_extractor": "distill.evaluation.metrics",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
