"""Results of measurements: a value, and everything besides the images that it depends on.

Apart from `fidelity`, so that a process can receive a score without loading the libraries of an extractor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FidScore:
    """An FID."""

    value: float
    samples: int  # generated images, per evaluation set
    real: int  # real images
    extractor: str
    digest: str  # of the extractor's weights, 16 hex digits
    seed: int


@dataclass(frozen=True)
class Score:
    """Any metric of `distill.evaluation.metrics`."""

    values: Mapping[str, float]  # by name, the metric's own first
    samples: int  # generated images, per evaluation set
    real: int | None  # real images; None for metrics of generated images alone
    extractor: str | None  # None for metrics of pixels
    digest: str | None  # of the extractor's weights, 16 hex digits
    seed: int  # of latents, noise and subsets
    settings: Mapping[str, int]  # the metric's own, by name
    sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # `values` of each of several sets
