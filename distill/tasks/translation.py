"""What the tasks of image translation share: checks of generator and images, streams, and cached inputs."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy.typing as npt
import torch
from torch import Tensor

from distill.data import TEST, Format, ImageSet, ImageStream, Reading, to_float
from distill.errors import DataError
from distill.progress import OnProgress
from distill.seeds import derive_seed
from distill.tasks.base import DEFAULT_OPTIONS, Batch, Direction, TaskOptions
from distill.tasks.preview import INPUT, TARGET, Preview
from search_spaces import Generator


@dataclass(frozen=True)
class TwoDomains(ABC):
    """What tasks of two domains share: their images, how these are read, and the direction."""

    source: ImageSet  # of the input domain, all splits
    target: ImageSet  # of the target domain, all splits
    direction: Direction = "A2B"
    held_out: float = 0.0  # fraction for the test split, where the data has none
    crop: bool = False  # training images are enlarged, and cropped at random

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    has_splits: ClassVar[bool] = True
    default_held_out: ClassVar[float] = TEST
    needs_images: ClassVar[bool] = True

    @staticmethod
    @abstractmethod
    def read(source: str, a: Format, b: Format, reading: Reading, /) -> tuple[ImageSet, ImageSet]:
        """The images of domains A and B, all splits."""

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

    @property
    def sampled(self) -> bool:
        return any(images.found is not None for images in (self.source, self.target))

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
        images = cls.read(str(source or "digits"), *(wanted if forwards else wanted[::-1]), reading)
        one, other = images if forwards else images[::-1]
        check_colours(one, other, options.direction)
        return cls(one, with_remarks(other, one), options.direction, crop=options.crop)

    def hold_out(self, fraction: float) -> Self:
        return replace(self, held_out=fraction)

    def for_generator(self, generator: Generator) -> Self:
        return self

    def preview(self, known: Batch, count: int, columns: int) -> Preview:
        """A row for each of the first inputs, at most `columns` of them."""
        shown = known.part(slice(min(count, columns)))
        (image,) = shown.inputs
        given = {INPUT: image} if shown.target is None else {INPUT: image, TARGET: shown.target}
        return Preview(shown.inputs, given, teacher=shown.teacher)


def formats(generator: Generator) -> tuple[Format, Format]:
    """What input and target images of `generator` are decoded to.

    Raises:
        DataError: it takes no images, or its images are no multiple of its stride.
    """
    shapes = [spec.shape for spec in generator.input_specs if spec.kind == "image"]
    if not shapes:
        raise DataError("the generator takes no images: give the checkpoint of a translator")
    channels, side, _ = shapes[0]
    check_sides((side,), generator.stride)
    target_channels, target_side, _ = generator.image_shape
    return Format(side, channels), Format(target_side, target_channels)


def check_attributes_unused(options: TaskOptions, task: str) -> None:
    """Refuse attributes in a `task` that has none.

    Raises:
        DataError: some are named.
    """
    if options.attributes:
        raise DataError(
            f"--attributes {','.join(options.attributes)}: --task {task} has two domains and no attributes: "
            "leave it out"
        )


def check_sides(sides: tuple[int, ...], stride: int, what: str = "images") -> None:
    """Check that a network takes images of these sides.

    Args:
        sides: height and width, or the one side of square images, px.
        stride: what the network takes multiples of, px.
        what: the images in words.

    Raises:
        DataError: a side is no multiple of `stride`; it names the next that is.
    """
    if any(side % stride for side in sides):
        given, following = (
            "×".join(map(str, each)) for each in (sides, [-(-side // stride) * stride for side in sides])
        )
        raise DataError(
            f"{what} of {given} px: this network takes multiples of {stride} px: give {following} px"
        )


def check_colours(source: ImageSet, target: ImageSet, direction: Direction) -> None:
    """Check that the images have the colours of the network's two sides.

    Args:
        source: images of the input domain, decoded as the network takes them.
        target: images of the target domain, decoded as it makes them.
        direction: from which domain to which.

    Raises:
        DataError: the network goes the other way, or would lose the colours of the target domain.
    """
    here, there = direction[0], direction[2]
    takes, makes = source.images.shape[1], target.images.shape[1]
    if takes != makes and _has_colours(source) == (makes == 3) and _has_colours(target) == (takes == 3):
        other = f"{there}2{here}"
        raise DataError(
            f"--direction {direction}: the network takes {_colours(takes)} images and makes "
            f"{_colours(makes)} ones, and {_are(source, here)} and {_are(target, there)}: give --direction "
            f"{other}, or the checkpoint of the other direction"
        )
    if makes == takes == 1 and _has_colours(target) and not _has_colours(source):
        raise DataError(
            f"--direction {direction}: the network makes grey images, and {_are(target, there)}: give a "
            f"network that makes RGB images, or --direction {there}2{here}"
        )


def with_remarks(target: ImageSet, source: ImageSet) -> ImageSet:
    """`target` with what is left out of either, for the lines that say so."""
    skipped = dict.fromkeys((*source.skipped, *target.skipped))
    notes = dict.fromkeys((*source.notes, *target.notes))
    return replace(target, skipped=tuple(skipped), notes=tuple(notes))


def _has_colours(images: ImageSet) -> bool:
    return images.from_colours if images.images.shape[1] == 1 else images.is_coloured


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _are(images: ImageSet, domain: str) -> str:
    return f"those of {domain} {'have colours' if _has_colours(images) else 'are grey'}"


def digest_of(*parts: object) -> str:
    """16 hex digits of a SHA-256 over `parts`; of tensors, their values count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.numpy().tobytes() if isinstance(part, Tensor) else f"{part} ".encode())
    return digest.hexdigest()[:16]


def in_order(images: ImageSet, samples: int, batch_size: int) -> Iterator[Tensor]:
    """The first `samples` of `images` (N, C, H, W), float32 in [-1, 1], `batch_size` at a time."""
    for some in torch.split(torch.arange(min(samples, len(images))), batch_size):
        yield to_float(images.pixels(some))


class TranslationStream:
    """Batches of image streams by name, resumable to the bit; a task says what a batch is of them."""

    def __init__(self, streams: Mapping[str, ImageStream], seed: int) -> None:
        self.rng = torch.Generator().manual_seed(derive_seed(seed, "translation"))
        self._streams = dict(streams)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is."""
        streams = {name: stream.state_dict() for name, stream in self._streams.items()}
        return {"rng": self.rng.get_state(), "streams": streams}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            DataError: `state` belongs to other data.
        """
        for name, stream in self._streams.items():
            stream.load_state_dict(state["streams"][name])
        self.rng.set_state(state["rng"])

    def _any(self, images: ImageSet, count: int) -> Tensor:
        """Indices (count,) of images, drawn with replacement."""
        return torch.randint(len(images), (count,), generator=self.rng)


def image_stream(
    images: ImageSet,
    batch_size: int,
    seed: int,
    *,
    mirror: bool,
    crop: bool,
    device: torch.device | str,
    labels: Tensor | None = None,
) -> ImageStream:
    """Shuffled batches of a part of an image set.

    Streams of one seed and length have one order, and the same flips and crops.
    """
    return ImageStream(
        images.images,
        batch_size,
        seed,
        mirror=mirror,
        crop=crop,
        labels=labels,
        rows=images.rows,
        device=device,
    )


def uses(crop: bool, chosen: int, tests: int) -> str:
    """What the splits are for, in words: after the number of training images, with those of the others."""
    cropped = ", cropped at random" if crop else ""
    return f"to train on{cropped}; {chosen:,} to pick students, {tests:,} to test"


@dataclass(frozen=True)
class ChosenInputs:
    """Inputs that are images of a set, kept as indices: never a second copy of an image."""

    made: Callable[..., Batch]  # indices (B,) of each column of `indices` ─► a batch
    indices: tuple[npt.NDArray[Any], ...]  # (N,), int64 each
    of: str  # digest of what the indices belong to
    seed: int

    @property
    def digest(self) -> str:
        rows = (hashlib.sha256(each.tobytes()).hexdigest() for each in self.indices)
        return digest_of(self.of, self.seed, *rows)

    def __len__(self) -> int:
        return len(self.indices[0])

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return self.indices

    def batch(self, rows: tuple[Tensor, ...]) -> Batch:
        return self.made(*rows)


def some_of(images: ImageSet, size: int, seed: int) -> npt.NDArray[Any]:
    """At most `size` different indices of `images`, int64."""
    rng = torch.Generator().manual_seed(seed)
    chosen: npt.NDArray[Any] = torch.randperm(len(images), generator=rng)[:size].numpy()
    return chosen
