"""Paired image translation: an image and the image that it shall become, as pix2pix does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from distill.data import ImageSet, Split, load_pairs, split_images, to_float
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
class PairedTask(TwoDomains):
    """Inputs and targets; the discriminator judges an image beside the input that it belongs to."""

    name: ClassVar[str] = "paired"
    read = staticmethod(load_pairs)
    judges_input: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ("content", "target", "perceptual")

    @cached_property
    def split(self) -> Split:
        """Of the pairs."""
        return split_images(self.source, self.held_out)

    @cached_property
    def inputs_to_train_on(self) -> ImageSet:
        """The training inputs."""
        return self.source.part(self.split.train)

    @cached_property
    def images(self) -> ImageSet:
        return self.target.part(self.split.train)

    @property
    def noted(self) -> Mapping[str, str]:
        return {"task": self.name, "direction": self.direction, "held_out": str(self.held_out)}

    @property
    def described(self) -> str:
        split = self.split
        chosen, tests = (self.source.part(positions).count for positions in (split.validation, split.test))
        return (
            f"{self.target.name}, paired {self.direction} ({self.images.format}): {self.images.count:,} "
            f"pairs {uses(self.crop, chosen, tests)}"
        )

    @cached_property
    def digest(self) -> str:
        parts = [
            images.part(positions).digest
            for images in (self.source, self.target)
            for positions in (self.split.train, self.split.validation, self.split.test)
        ]
        return digest_of(self.name, self.direction, *parts)

    def batch(self, indices: Tensor) -> Batch:
        """Some of the training pairs."""
        image = to_float(self.inputs_to_train_on.pixels(indices))
        return pairs(image, to_float(self.images.pixels(indices)))

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> PairedStream:
        return PairedStream(self, batch_size, seed, mirror=mirror, device=device)

    def teacher_inputs(self, size: int, seed: int) -> ChosenInputs:
        chosen = (some_of(self.images, size, seed),)
        of = digest_of(self.inputs_to_train_on.digest, self.images.digest)
        return ChosenInputs(self.batch, chosen, of, seed)

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        stream = PairedStream(self, batch_size, seed, mirror=False, device="cpu")
        while True:
            yield stream.inputs(batch_size)

    def eval_sets(self) -> tuple[EvalSet, ...]:
        """Translated validation images against their targets."""
        return (self._set(self.split.validation),)

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        """Translated test images against their targets."""
        return (self._set(self.split.test),) if len(self.split.test) else ()

    def _set(self, positions: Tensor) -> EvalSet:
        images = self.source.part(positions)

        def inputs(samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
            return ((some,) for some in in_order(images, samples, batch_size))

        targets = self.target.part(positions)
        return EvalSet(self.target.name, targets, inputs, drawn=False, targets=targets)


def pairs(image: Tensor, target: Tensor) -> Batch:
    """The batch of inputs and targets; both conditions of the discriminator are the inputs."""
    return Batch((image,), target, (image,), (image,), target)


class PairedStream(TranslationStream):
    """Shuffled epochs of pairs, both images flipped alike."""

    def __init__(
        self, task: PairedTask, batch_size: int, seed: int, *, mirror: bool, device: torch.device | str
    ) -> None:
        parts = {"inputs": task.inputs_to_train_on, "targets": task.images}
        streams = {  # of one seed: one order and one choice of flips
            name: image_stream(images, batch_size, seed, mirror=mirror, crop=task.crop, device=device)
            for name, images in parts.items()
        }
        super().__init__(streams, seed)
        self._task = task

    def discriminator_batch(self) -> Batch:
        return pairs(next(self._streams["inputs"]), next(self._streams["targets"]))

    def generator_batch(self) -> Batch:
        return self.discriminator_batch()

    def inputs(self, count: int) -> Inputs:
        images = self._task.inputs_to_train_on
        return (to_float(images.pixels(self._any(images, count))),)
