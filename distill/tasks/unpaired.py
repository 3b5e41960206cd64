"""Unpaired image translation: images of domain A become images of domain B, as CycleGAN does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from distill.data import ImageSet, Split, load_domains, split_images, to_float
from distill.seeds import derive_seed
from distill.tasks.base import Batch, EvalSet
from distill.tasks.translation import (
    ChosenInputs,
    TranslationStream,
    TwoDomains,
    digest_of,
    image_stream,
    in_order,
    some_of,
    uses,
)
from search_spaces import Inputs


@dataclass(frozen=True)
class UnpairedTask(TwoDomains):
    """Images of one domain as inputs, those of the other as real images; nothing matches them."""

    name: ClassVar[str] = "unpaired"
    read = staticmethod(load_domains)
    judges_input: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = ("content",)

    @cached_property
    def splits(self) -> tuple[Split, Split]:
        """Of the input domain and of the target domain."""
        return split_images(self.source, self.held_out), split_images(self.target, self.held_out)

    @cached_property
    def inputs_to_train_on(self) -> ImageSet:
        """The training images of the input domain."""
        return self.source.part(self.splits[0].train)

    @cached_property
    def images(self) -> ImageSet:
        return self.target.part(self.splits[1].train)

    @property
    def noted(self) -> Mapping[str, str]:
        return {"task": self.name, "direction": self.direction, "held_out": str(self.held_out)}

    @property
    def described(self) -> str:
        ours = self.splits[0]
        training = [each.count for each in (self.inputs_to_train_on, self.images)]
        chosen, tests = (self.source.part(positions).count for positions in (ours.validation, ours.test))
        return (
            f"{self.target.name}, unpaired {self.direction} ({self.images.format}): {training[0]:,} and "
            f"{training[1]:,} images {uses(self.crop, chosen, tests)}"
        )

    @cached_property
    def digest(self) -> str:
        parts = [
            images.part(positions).digest
            for images, split in zip((self.source, self.target), self.splits, strict=True)
            for positions in (split.train, split.validation, split.test)
        ]
        return digest_of(self.name, self.direction, *parts)

    def batch(self, indices: Tensor) -> Batch:
        """Some of the training inputs, without real images."""
        return Batch((to_float(self.inputs_to_train_on.pixels(indices)),))

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> UnpairedStream:
        return UnpairedStream(self, batch_size, seed, mirror=mirror, device=device)

    def teacher_inputs(self, size: int, seed: int) -> ChosenInputs:
        images = self.inputs_to_train_on
        return ChosenInputs(self.batch, (some_of(images, size, seed),), images.digest, seed)

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        stream = UnpairedStream(self, batch_size, seed, mirror=False, device="cpu")
        while True:
            yield stream.inputs(batch_size)

    def eval_sets(self) -> tuple[EvalSet, ...]:
        """Translated validation images against the real training and validation images."""
        ours, theirs = self.splits
        return (self._set(ours.validation, theirs.seen_with(theirs.validation)),)

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        """Translated test images against the real training and test images, as is usual for CycleGANs."""
        ours, theirs = self.splits
        return (self._set(ours.test, theirs.seen_with(theirs.test)),) if len(ours.test) else ()

    def _set(self, positions: Tensor, real: Tensor) -> EvalSet:
        images = self.source.part(positions)

        def inputs(samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
            return ((some,) for some in in_order(images, samples, batch_size))

        return EvalSet(self.target.name, self.target.part(real), inputs, drawn=False)


class UnpairedStream(TranslationStream):
    """Shuffled epochs of either domain, each for itself."""

    def __init__(
        self, task: UnpairedTask, batch_size: int, seed: int, *, mirror: bool, device: torch.device | str
    ) -> None:
        parts = {"inputs": task.inputs_to_train_on, "real": task.images}
        super().__init__(
            {
                name: image_stream(
                    images, batch_size, derive_seed(seed, name), mirror=mirror, crop=task.crop, device=device
                )
                for name, images in parts.items()
            },
            seed,
        )
        self._task = task
        self._real: Tensor | None = None  # as the discriminator saw them

    def discriminator_batch(self) -> Batch:
        self._real = next(self._streams["real"])
        return Batch((next(self._streams["inputs"]),), self._real)

    def generator_batch(self) -> Batch:
        return Batch((next(self._streams["inputs"]),), self._real)

    def inputs(self, count: int) -> Inputs:
        images = self._task.inputs_to_train_on
        return (to_float(images.pixels(self._any(images, count))),)
