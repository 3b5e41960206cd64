"""Paired image translation: an image and the image that it shall become, as pix2pix does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.data import TEST, ImageSet, Reading, Split, load_pairs, split_images, to_float
from distill.progress import OnProgress
from distill.tasks.base import DEFAULT_OPTIONS, Batch, Direction, EvalSet, TaskOptions
from distill.tasks.translation import (
    ChosenInputs,
    TranslationStream,
    check_attributes_unused,
    check_colours,
    digest_of,
    first_inputs,
    formats,
    image_stream,
    in_order,
    some_of,
    with_remarks,
)
from search_spaces import Generator, Inputs


@dataclass(frozen=True)
class PairedTask:
    """Inputs and targets; the discriminator judges an image beside the input that it belongs to."""

    source: ImageSet  # inputs, all splits
    target: ImageSet  # targets, at the same positions
    direction: Direction = "A2B"
    held_out: float = 0.0  # fraction for the test split, where the data has none

    name: ClassVar[str] = "paired"
    judges_input: ClassVar[bool] = True
    has_splits: ClassVar[bool] = True
    default_held_out: ClassVar[float] = TEST
    needs_images: ClassVar[bool] = True

    @classmethod
    def load(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
        cache: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> Self:
        return cls._read(source, generator, options, Reading(cache=cache, on_progress=on_progress))

    @classmethod
    def sample(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
    ) -> Self:
        return cls._read(source, generator, options, Reading(sample=True))

    @classmethod
    def _read(
        cls, source: str | Path | None, generator: Generator, options: TaskOptions, reading: Reading
    ) -> Self:
        check_attributes_unused(options, cls.name)
        wanted = formats(generator)
        forwards = options.direction == "A2B"
        images = load_pairs(str(source or "digits"), *(wanted if forwards else wanted[::-1]), reading)
        one, other = images if forwards else images[::-1]
        check_colours(one, other, options.direction)
        return cls(one, with_remarks(other, one), options.direction)

    def hold_out(self, fraction: float) -> Self:
        return replace(self, held_out=fraction)

    def for_generator(self, generator: Generator) -> Self:
        return self

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
            f"pairs to train on; {chosen:,} to pick students, {tests:,} to test"
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

        return EvalSet(self.target.name, self.target.part(positions), inputs, drawn=False)

    def preview(self, inputs: Inputs, count: int, columns: int) -> Tensor:
        return first_inputs(inputs, count)


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
            name: image_stream(images, batch_size, seed, mirror=mirror, device=device)
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
