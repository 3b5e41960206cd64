"""One pass over images that collects what metrics need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from distill.errors import NonFiniteImagesError
from distill.evaluation.extractors import Extractor
from distill.evaluation.sharpness import variance_of_laplacian
from distill.evaluation.statistics import RunningStatistics, Statistics

Need = Literal["statistics", "features", "logits", "sharpness"]

OF_THE_EXTRACTOR: frozenset[Need] = frozenset({"statistics", "features", "logits"})


def _nothing() -> Tensor:
    return torch.empty(0)


@dataclass(frozen=True)
class Gathered:
    """What one pass collected of a set of images; fields that no metric needs are empty."""

    images: int
    statistics: Statistics = field(default_factory=dict)  # of the features
    features: Tensor = field(default_factory=_nothing)  # (N, D), float32
    logits: Tensor = field(default_factory=_nothing)  # (N, K), float32
    sharpness: Tensor = field(default_factory=_nothing)  # (N,), float64: variance of the Laplacian
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # of the extractor; the tensors above are on the CPU
    beside: Mapping[str, Tensor] = field(default_factory=dict)  # (N,) by name: values beside the inputs


def in_batches(images: Tensor, size: int) -> Iterator[Tensor]:
    """`images` (N, C, H, W), `size` at a time."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def gather(batches: Iterable[Tensor], needs: frozenset[Need], extractor: Callable[[], Extractor]) -> Gathered:
    """Collect `needs` in one pass over batches `(N, C, H, W)`, uint8.

    Args:
        batches: the images.
        needs: what to keep. Features and logits grow with the number of images, statistics don't.
        extractor: called if a need comes from the extractor.

    Raises:
        NonFiniteImagesError: features are NaN or infinite.
    """
    network = extractor() if needs & OF_THE_EXTRACTOR else None
    statistics = RunningStatistics()
    features: list[Tensor] = []
    logits: list[Tensor] = []
    sharpness: list[Tensor] = []
    images = 0
    for batch in batches:
        images += len(batch)
        if network is not None:
            batch_features, batch_logits = network.outputs(batch)
            if not torch.isfinite(batch_features).all():
                raise NonFiniteImagesError("the images have features that are NaN or infinite")
            if "statistics" in needs:
                statistics.add(batch_features)
            if "features" in needs:
                features.append(batch_features.float())
            if "logits" in needs and batch_logits is not None:
                logits.append(batch_logits)
        if "sharpness" in needs:
            sharpness.append(variance_of_laplacian(batch).cpu())
    return Gathered(
        images,
        statistics.result() if statistics.count else {},
        torch.cat(features) if features else _nothing(),
        torch.cat(logits) if logits else _nothing(),
        torch.cat(sharpness) if sharpness else _nothing(),
        torch.device("cpu") if network is None else network.device,
    )
