"""Translation to attributes: an image and the attributes that it shall have, as StarGAN does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.data import (
    TEST,
    AttributeImages,
    ImageSet,
    Reading,
    Split,
    load_attributes,
    split_images,
    to_float,
)
from distill.errors import DataError
from distill.progress import OnProgress
from distill.tasks.base import DEFAULT_OPTIONS, Asked, Batch, EvalSet, Labelled, TaskOptions
from distill.tasks.preview import INPUT, Preview
from distill.tasks.translation import (
    ChosenInputs,
    TranslationStream,
    digest_of,
    formats,
    image_stream,
    in_order,
    some_of,
    uses,
)
from search_spaces import Generator, Inputs, InputSpec

LEAST_REAL = 2  # images that have an attribute, to compare with
LEAST_ROWS = 2  # of a preview


@dataclass(frozen=True)
class AttributesTask:
    """Images with attributes; a generator is asked for the attributes of other images of the data."""

    data: AttributeImages  # all splits
    input_specs: tuple[InputSpec, ...]
    held_out: float = 0.0  # fraction for the test split, where the data has none
    crop: bool = False  # training images are enlarged, and cropped at random

    name: ClassVar[str] = "attributes"
    judges_input: ClassVar[bool] = False
    has_splits: ClassVar[bool] = True
    default_held_out: ClassVar[float] = TEST
    metrics: ClassVar[tuple[str, ...]] = ("content", "accuracy")
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
        reading = Reading(cache=cache, on_progress=on_progress)
        return cls._read(source, generator, options, any_labels, reading)

    @classmethod
    def sample(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
    ) -> Self:
        return cls._read(source, generator, options, any_labels, Reading(sample=True))

    @classmethod
    def _read(
        cls,
        source: str | Path | None,
        generator: Generator,
        options: TaskOptions,
        any_labels: bool,
        reading: Reading,
    ) -> Self:
        if options.direction != DEFAULT_OPTIONS.direction:
            raise DataError(
                f"--direction {options.direction}: --task {cls.name} has no two domains, but attributes: "
                "leave it out"
            )
        wanted, _ = formats(generator)
        found = load_attributes(str(source or "digits"), options.attributes, wanted, reading)
        task = cls(found, generator.input_specs, crop=options.crop)
        return task if any_labels else task.for_generator(generator)

    def hold_out(self, fraction: float) -> Self:
        return replace(self, held_out=fraction)

    def for_generator(self, generator: Generator) -> Self:
        """Raises DataError where it takes another number of attributes than the images have."""
        (wanted,) = (spec.shape[0] for spec in generator.input_specs if spec.kind == "attributes")
        has = len(self.data.names)
        if has != wanted:
            raise DataError(
                f"--data {self.data.images.name} has {has} attributes ({', '.join(self.data.names)}) and the "
                f"network takes {wanted}: name {wanted} of them by --attributes, in the network's order"
            )
        return replace(self, input_specs=generator.input_specs)

    @cached_property
    def split(self) -> Split:
        """Of the images."""
        return split_images(self.data.images, self.held_out)

    @cached_property
    def images(self) -> ImageSet:
        return self.data.images.part(self.split.train)

    @cached_property
    def attributes(self) -> Tensor:
        """Those of the training images, (N, K)."""
        return self.data.values[self.split.train]

    @property
    def noted(self) -> Mapping[str, str]:
        names = ",".join(self.data.names)
        return {"task": self.name, "attributes": names, "held_out": str(self.held_out)}

    @property
    def described(self) -> str:
        split, names = self.split, ", ".join(self.data.names)
        chosen, tests = (self.data.images.part(p).count for p in (split.validation, split.test))
        return (
            f"{self.data.images.name}, {len(self.data.names)} attributes ({names}; {self.images.format}): "
            f"{self.images.count:,} images {uses(self.crop, chosen, tests)}"
        )

    @property
    def sampled(self) -> bool:
        return self.data.images.found is not None

    @cached_property
    def digest(self) -> str:
        split = self.split
        parts = [self.data.images.part(p).digest for p in (split.train, split.validation, split.test)]
        return digest_of(self.name, self.data.names, self.data.values, *parts)

    def batch(self, indices: Tensor, targets: Tensor) -> Batch:
        """Some of the training images, which shall have the attributes of those at `targets`."""
        image = to_float(self.images.pixels(indices))
        return self.translations(image, self.attributes[indices], self.attributes[targets])

    def translations(self, image: Tensor, own: Tensor, targets: Tensor) -> Batch:
        """The batch of images with attributes `own`, (N, K), which shall become `targets`."""
        return Batch((image, targets), image, attributes=own, exclusive=self.data.exclusive)

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> AttributesStream:
        return AttributesStream(self, batch_size, seed, mirror=mirror, device=device)

    def teacher_inputs(self, size: int, seed: int) -> ChosenInputs:
        """Each image at most as often as there are attributes, each time for those of a random image."""
        images, rng = self.images, torch.Generator().manual_seed(seed)
        rounds = -(-min(size, len(images) * len(self.data.names)) // len(images))
        chosen = torch.cat([torch.from_numpy(some_of(images, len(images), seed + i)) for i in range(rounds)])
        chosen = chosen[:size]
        targets = torch.randint(len(images), (len(chosen),), generator=rng)
        of = digest_of(images.digest, self.data.names, self.attributes)
        return ChosenInputs(self.batch, (chosen.numpy(), targets.numpy()), of, seed)

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        stream = AttributesStream(self, batch_size, seed, mirror=False, device="cpu")
        while True:
            yield stream.inputs(batch_size)

    def eval_sets(self) -> tuple[EvalSet, ...]:
        """For each attribute, all validation images with it against real images that have it."""
        return self._sets(self.split.validation)

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        """The same of the test images."""
        return self._sets(self.split.test) if len(self.split.test) else ()

    def _sets(self, positions: Tensor) -> tuple[EvalSet, ...]:
        """Real images are the training images and those at `positions`, as many of each attribute.

        Raises:
            DataError: an attribute has too few.
        """
        known = self.split.seen_with(positions)
        having = [known[self.data.values[known, k] == 1] for k in range(len(self.data.names))]
        count = min(map(len, having))
        if count < LEAST_REAL:
            rarest = self.data.names[min(range(len(having)), key=lambda k: len(having[k]))]
            raise DataError(
                f"--data {self.data.images.name}: {count} images to compare with have {rarest}: "
                f"give at least {LEAST_REAL}, better hundreds, or leave it out of --attributes"
            )
        return tuple(self._set(k, positions, _evenly(real, count)) for k, real in enumerate(having))

    def _set(self, attribute: int, positions: Tensor, real: Tensor) -> EvalSet:
        images, own = self.data.images.part(positions), self.data.values[positions]
        targets = self.with_attribute(own, attribute)

        def inputs(samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
            return zip(
                in_order(images, samples, batch_size), torch.split(targets[:samples], batch_size), strict=True
            )

        name, reference = self.data.names[attribute], self.data.images.part(real)
        asked = Asked(attribute, self._labelled(self.split.train), self._labelled(positions))
        return EvalSet(name, reference, inputs, drawn=False, asked=asked)

    def _labelled(self, positions: Tensor) -> Labelled:
        return Labelled(self.data.images.part(positions), self.data.values[positions], self.data.exclusive)

    def with_attribute(self, own: Tensor, attribute: int) -> Tensor:
        """The attributes `own` (N, K) with one of them set, instead of the others where they exclude it."""
        targets = torch.zeros_like(own) if self.data.exclusive else own.clone()
        targets[:, attribute] = 1
        return targets

    def preview(self, known: Batch, count: int, columns: int) -> Preview:
        """A row for each of the first images, with a column for every attribute that it shall have."""
        names = self.data.names
        shown = known.part(slice(max(LEAST_ROWS, min(columns, 2 * count // len(names)))))
        image, own = shown.inputs[0], shown.attributes
        assert own is not None
        targets = torch.stack([self.with_attribute(own, k) for k in range(len(names))], dim=1).flatten(0, 1)
        return Preview((image.repeat_interleave(len(names), dim=0), targets), {INPUT: image}, names)


def _evenly(positions: Tensor, count: int) -> Tensor:
    """`count` of `positions`, evenly spread."""
    return positions[torch.arange(count) * len(positions) // max(1, count)]


class AttributesStream(TranslationStream):
    """Shuffled epochs of images; the attributes of a batch, in another order, are its targets."""

    def __init__(
        self, task: AttributesTask, batch_size: int, seed: int, *, mirror: bool, device: torch.device | str
    ) -> None:
        self._attributes = task.attributes.to(device)
        positions = torch.arange(len(task.images))
        stream = image_stream(
            task.images, batch_size, seed, mirror=mirror, crop=task.crop, device=device, labels=positions
        )
        super().__init__({"images": stream}, seed)
        self._task = task

    def discriminator_batch(self) -> Batch:
        image, positions = self._streams["images"].next_batch()
        own = self._attributes[positions]
        order = torch.randperm(len(own), generator=self.rng).to(own.device)
        return self._task.translations(image, own, own[order])

    def generator_batch(self) -> Batch:
        return self.discriminator_batch()

    def inputs(self, count: int) -> Inputs:
        images = self._task.images
        indices, targets = self._any(images, count), self._any(images, count)
        return to_float(images.pixels(indices)), self._task.attributes[targets]
