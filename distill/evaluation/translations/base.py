"""The contract of a measure of translated images, and how its values are noted while images are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from distill.data import to_float
from distill.progress import OnProgress
from search_spaces import Inputs

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """Generated images and what they were made of."""

    inputs: Inputs  # of the generator, (N, ...)
    images: Tensor  # (N, C, H, W), float32 in [-1, 1], as eight bits have them
    first: int  # position of the first in its evaluation set

    @property
    def input_image(self) -> Tensor:
        """The input images (N, C', H', W'), on the device of `images`."""
        return next(x for x in self.inputs if x.ndim == 4).to(self.images.device)


Values: TypeAlias = Mapping[str, Tensor]
"""Values (N,) of images, by name."""

Measure: TypeAlias = Callable[[Shown], Values]


@dataclass(frozen=True)
class Resources:
    """What a measure may use."""

    device: torch.device
    cache: Path | None = None  # folder to keep what is computed of real images
    on_progress: OnProgress | None = None
    kept: dict[str, Any] = field(default_factory=dict)  # what was made already, see `once`

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives; of one `key` it is called once, however many sets need it."""
        if key not in self.kept:
            self.kept[key] = make()
        made: T = self.kept[key]
        return made


class Noted:
    """Notes the values of some measures while images pass by."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures, self._found = measures, dict[str, list[Tensor]]()

    def passing(self, batches: Iterable[Tensor], inputs: Iterable[Inputs]) -> Iterator[Tensor]:
        """`batches` (N, C, H, W), uint8, made of `inputs`, one batch for each."""
        first = 0
        for images, given in zip(batches, inputs, strict=False):
            shown = Shown(tuple(x[: len(images)] for x in given), to_float(images), first)
            for measure in self._measures:
                for name, values in measure(shown).items():
                    self._found.setdefault(name, []).append(values.cpu())
            first += len(images)
            yield images

    @property
    def values(self) -> dict[str, Tensor]:
        """Of all images so far, (N,) by name."""
        return {name: torch.cat(parts) for name, parts in self._found.items()}
