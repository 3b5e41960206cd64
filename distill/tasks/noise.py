"""Noise to images, with or without classes: the task of StyleGAN2, DCGAN and BigGAN."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.data import ImageSet, ImageStream, check_labels, check_noise_data, load_images, sample_images
from distill.errors import DataError
from distill.progress import OnProgress
from distill.tasks.base import DEFAULT_OPTIONS, Batch, EvalSet, TaskOptions
from distill.tasks.preview import Preview
from search_spaces import Generator, Inputs, InputSpec, classes_of, draw_inputs, input_batches, of_kind

MOST_ROWS = 10  # of a preview, where there are classes


@dataclass(frozen=True)
class NoiseTask:
    """Latents, and one-hot labels where there are classes, against one set of real images."""

    images: ImageSet
    input_specs: tuple[InputSpec, ...]
    held_out: ImageSet | None = None  # images that no training sees
    on_held_out: bool = False  # generated images are compared with `held_out` alone, not with `images`

    name: ClassVar[str] = "noise"
    judges_input: ClassVar[bool] = False
    has_splits: ClassVar[bool] = False
    default_held_out: ClassVar[float] = 0.5
    metrics: ClassVar[tuple[str, ...]] = ()
    needs_images: ClassVar[bool] = False

    @classmethod
    def check_options(cls, options: TaskOptions) -> None:
        """Refuse what goes with image translation only."""
        if options.direction != DEFAULT_OPTIONS.direction:
            raise DataError(
                f"--direction {options.direction}: the generator takes noise, not images: leave it out"
            )
        if options.attributes:
            names = ",".join(options.attributes)
            raise DataError(f"--attributes {names}: the generator takes no attributes: leave it out")
        if options.crop:
            raise DataError("--crop: the generator takes noise, and its images are not cropped: leave it out")

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
        cls.check_options(options)
        check_noise_data(source)
        channels, height, _ = generator.image_shape
        classes = 0 if any_labels else generator.classes
        images = load_images(source, height, channels, classes=classes, cache=cache, on_progress=on_progress)
        return cls(images, generator.input_specs)

    @classmethod
    def sample(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
    ) -> Self:
        cls.check_options(options)
        check_noise_data(source)
        channels, height, _ = generator.image_shape
        images = sample_images(source, height, channels)
        check_labels(images, 0 if any_labels else generator.classes)
        return cls(images, generator.input_specs)

    @classmethod
    def on_samples(cls, generator: Generator, images: ImageSet, held_out: ImageSet) -> Self:
        return cls(images, generator.input_specs, held_out, on_held_out=True)

    def hold_out(self, fraction: float) -> Self:
        if not fraction:
            return self
        images, held_out = self.images.split(fraction)
        return replace(self, images=images, held_out=held_out)

    def for_generator(self, generator: Generator) -> Self:
        return replace(self, input_specs=generator.input_specs)

    @property
    def digest(self) -> str:
        return self.images.digest

    @property
    def sampled(self) -> bool:
        return self.images.found is not None

    @property
    def noted(self) -> Mapping[str, str]:
        return {}

    @property
    def described(self) -> str:
        images = self.images
        apart = "" if self.held_out is None else f"; {self.held_out.count:,} more are held out"
        return f"{images.name}, {images.count:,} images ({images.format}){apart}"

    @property
    def classes(self) -> int:
        """Number of classes; 0 without labels."""
        return classes_of(self.input_specs)

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> NoiseStream:
        """Raises DataError where the images and the labels differ in their number of classes."""
        check_labels(self.images, self.classes)
        return NoiseStream(self, batch_size, seed, mirror=mirror, device=device)

    def teacher_inputs(self, size: int, seed: int) -> DrawnInputs:
        return DrawnInputs(self.input_specs, size, seed)

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        return input_batches(self.input_specs, batch_size, torch.Generator().manual_seed(seed))

    def eval_sets(self) -> tuple[EvalSet, ...]:
        return self.held_out_sets() if self.on_held_out else self._sets(self.images)

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        return () if self.held_out is None else self._sets(self.held_out)

    def _sets(self, reference: ImageSet) -> tuple[EvalSet, ...]:
        return (EvalSet(reference.name, reference, self._evaluated),)

    def _evaluated(self, samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
        # whole batches only: another size may use other kernels, which differ in the last bits
        batches = -(-samples // batch_size)
        return islice(self.inputs(seed, batch_size), batches)

    def preview(self, known: Batch, count: int, columns: int) -> Preview:
        """The first `count` inputs without classes; else one row per class, of evenly spaced classes.

        Leaves out classes with fewer than `columns` inputs.
        """
        chosen = self._chosen(known.inputs, count, columns)
        teacher = None if known.teacher is None else known.teacher[chosen]
        return Preview(tuple(x[chosen] for x in known.inputs), across=columns, teacher=teacher)

    def _chosen(self, inputs: Inputs, count: int, columns: int) -> Tensor:
        """Indices (M,) of the inputs to show."""
        rows = []
        for label in of_kind("label", self.input_specs, inputs):
            shown = torch.linspace(0, self.classes - 1, min(MOST_ROWS, self.classes)).round().long()
            for number in shown:
                found = label[:, number].nonzero().flatten()
                rows += [found[:columns]] if len(found) >= columns else []
        return torch.cat(rows) if rows else torch.arange(min(count, len(inputs[0])))


class NoiseStream:
    """Fresh latents and labels for every step, and real images in shuffled epochs."""

    def __init__(
        self, task: NoiseTask, batch_size: int, seed: int, *, mirror: bool, device: torch.device | str
    ) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self._task, self._batch_size = task, batch_size
        self._images = ImageStream(
            task.images.images,
            batch_size,
            seed,
            mirror=mirror,
            labels=task.images.labels if task.classes else None,
            rows=task.images.rows,
            device=device,
        )
        self._shown: Batch | None = None  # real images and their conditions, as the discriminator saw them

    def discriminator_batch(self) -> Batch:
        inputs = self.inputs(self._batch_size)
        real, labels = self._images.next_batch()
        condition = () if labels is None else (F.one_hot(labels, self._task.classes).float(),)
        self._shown = Batch(inputs, real, self._condition(inputs), condition)
        return self._shown

    def generator_batch(self) -> Batch:
        inputs = self.inputs(self._batch_size)
        if self._shown is None:
            return Batch(inputs, fake_condition=self._condition(inputs))
        return Batch(inputs, self._shown.real, self._condition(inputs), self._shown.real_condition)

    def inputs(self, count: int) -> Inputs:
        return draw_inputs(self._task.input_specs, count, self.rng)

    def state_dict(self) -> dict[str, Any]:
        return {"rng": self.rng.get_state(), "images": self._images.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._images.load_state_dict(state["images"])
        self.rng.set_state(state["rng"])

    def _condition(self, inputs: Inputs) -> Inputs:
        return of_kind("label", self._task.input_specs, inputs)


@dataclass(frozen=True)
class DrawnInputs:
    """Latents and labels, drawn once from a seed."""

    input_specs: tuple[InputSpec, ...]
    size: int
    seed: int

    @property
    def digest(self) -> str:
        described = f"{self.input_specs} {self.size} {self.seed}"
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return self.size

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        drawn = draw_inputs(self.input_specs, self.size, torch.Generator().manual_seed(self.seed))
        return tuple(tensor.numpy() for tensor in drawn)

    def batch(self, rows: tuple[Tensor, ...]) -> Batch:
        return Batch(rows, fake_condition=of_kind("label", self.input_specs, rows))
