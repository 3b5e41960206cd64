"""The contract of a task: it makes batches, and names the images that generated ones are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy.typing as npt
import torch
from torch import Tensor

from distill.data import ImageSet
from distill.progress import OnProgress
from distill.tasks.preview import Preview
from search_spaces import Generator, Inputs

Direction: TypeAlias = Literal["A2B", "B2A"]
"""From which of two domains images are translated to which."""


@dataclass(frozen=True)
class TaskOptions:
    """What a user says of the images, beside where they are; a task refuses what it has no use for."""

    direction: Direction = "A2B"
    attributes: tuple[str, ...] = ()  # by name, in the order of the generator's; empty: all of the data
    crop: bool = False  # training images are enlarged, and cropped at random


DEFAULT_OPTIONS = TaskOptions()


@dataclass(frozen=True)
class Batch:
    """The tensors of one step, each (N, ...).

    Images are `(N, C, H, W)`, float32 in [-1, 1].
    """

    inputs: Inputs  # to the generator
    real: Tensor | None = None  # images of the target domain; None in steps without real images
    fake_condition: Inputs = ()  # the discriminator judges `D(G(*inputs), *fake_condition)`
    real_condition: Inputs = ()  # and `D(real, *real_condition)`
    target: Tensor | None = None  # the aligned ground truth for `inputs`, in paired tasks
    teacher: Tensor | None = None  # the teacher's images for `inputs`
    attributes: Tensor | None = None  # (N, K), of `real`; 0 or 1
    exclusive: bool = False  # each image has exactly one of the attributes

    def part(self, part: slice) -> Batch:
        """The rows `part` of every tensor."""
        return self._each(lambda x: x[part])

    def to(self, device: torch.device | str) -> Batch:
        """The batch on `device`."""
        return self._each(lambda x: x.to(device, non_blocking=True))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            tuple(change(x) for x in self.inputs),
            None if self.real is None else change(self.real),
            tuple(change(x) for x in self.fake_condition),
            tuple(change(x) for x in self.real_condition),
            None if self.target is None else change(self.target),
            None if self.teacher is None else change(self.teacher),
            None if self.attributes is None else change(self.attributes),
            self.exclusive,
        )


class BatchStream(Protocol):
    """The batches of one training, resumable to the bit."""

    rng: torch.Generator  # on the CPU; draws everything but the order of the real images

    def discriminator_batch(self) -> Batch:
        """Inputs, and the next real images."""

    def generator_batch(self) -> Batch:
        """Inputs, and the real images that the discriminator saw last."""

    def inputs(self, count: int) -> Inputs:
        """`count` further inputs, for example for path lengths."""

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            DataError: `state` belongs to other data.
        """


class TeacherInputs(Protocol):
    """A fixed, numbered list of inputs, for which the teacher's images are made once and cached."""

    @property
    def seed(self) -> int:
        """Seed of drawn inputs, and of the noise in the teacher's images."""

    @property
    def digest(self) -> str:
        """16 hex digits that identify the inputs."""

    def __len__(self) -> int:
        """How many."""

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """The stored form, one row per input: drawn numbers or indices into an image set, never images."""

    def batch(self, rows: tuple[Tensor, ...]) -> Batch:
        """The inputs of some rows of `arrays`, with conditions and targets, without real images."""


@dataclass(frozen=True)
class Labelled:
    """Images and the attributes of each."""

    images: ImageSet
    values: Tensor  # (N, K), float32, 0 or 1
    exclusive: bool  # each image has exactly one


@dataclass(frozen=True)
class Asked:
    """The attribute that an evaluation set asks for, and images that show what it looks like."""

    attribute: int  # its place among all
    training: Labelled  # images of the training split
    unseen: Labelled  # the real images of the split


@dataclass(frozen=True)
class EvalSet:
    """One distribution to compare generated images with; a metric is the mean over a task's sets."""

    name: str
    reference: ImageSet
    inputs: Callable[[int, int, int], Iterator[Inputs]]  # samples, seed, batch size ─► batches
    drawn: bool = True  # inputs are random, so the teacher cache is a sample of what the teacher generates
    targets: ImageSet | None = None  # the aligned ground truth of the inputs, in their order
    asked: Asked | None = None  # where inputs ask for an attribute


class Task(Protocol):
    """Makes batches, and names what a generator is measured against."""

    name: ClassVar[str]
    judges_input: ClassVar[bool]  # discriminators judge images beside the input image
    has_splits: ClassVar[bool]  # a teacher that is trained here does not see the test split either
    default_held_out: ClassVar[float]  # fraction of the user's own images, see `hold_out`
    metrics: ClassVar[tuple[str, ...]]  # of `distill.evaluation`, that go with it beside those of any task
    needs_images: ClassVar[bool]  # if not, it is a `SampledTask`: samples of the teacher can be its images

    @property
    def digest(self) -> str:
        """16 hex digits of the data: part of a study's identity."""

    @property
    def sampled(self) -> bool:
        """Whether it has a sample of the images only, so that `digest` is not that of all."""

    @property
    def images(self) -> ImageSet:
        """The real images of the target domain that are trained on."""

    @property
    def noted(self) -> Mapping[str, str]:
        """What a checkpoint notes beside the data, so that it can be measured again."""

    @property
    def described(self) -> str:
        """The images that are trained on, measured with and held out, in words."""

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
        """The task of `generator` on the images `source`, decoded once into the folder `cache`.

        With `any_labels` the images' classes or attributes need not be the generator's: an evaluation ignores
        labels, and a teacher to train gets its number of classes from the images (`for_generator`).

        Raises:
            DataError: the images can't be used, or do not fit the generator.
        """

    @classmethod
    def sample(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
    ) -> Self:
        """The task on a sample of the images, in seconds; writes and downloads nothing.

        Raises:
            DataError: as `load`, for what the sample shows.
        """

    def hold_out(self, fraction: float) -> Self:
        """The task on the real images without a `fraction` of them, which `held_out_sets` names.

        The same images are held out every time. A `fraction` of 0 changes nothing, and none does where the
        data has a test split of its own.
        """

    def for_generator(self, generator: Generator) -> Self:
        """The task of `generator` on the same images, for example with as many classes as they have."""

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> BatchStream:
        """The batches of a training."""

    def teacher_inputs(self, size: int, seed: int) -> TeacherInputs:
        """At most `size` inputs to cache the teacher's images of."""

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        """Endless batches of inputs, for calibration and previews."""

    def eval_sets(self) -> tuple[EvalSet, ...]:
        """What to compare generated images with."""

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        """Images that no training sees, to compare finalists with; nothing where none are held out."""

    def preview(self, known: Batch, count: int, columns: int) -> Preview:
        """Some of the inputs `known`, about `count`, to show `columns` beside each other.

        The teacher's images come along where `known` has them for these inputs.
        """


class SampledTask(Task, Protocol):
    """A task whose inputs are drawn at random, so that it needs no real images."""

    @classmethod
    def check_options(cls, options: TaskOptions) -> None:
        """Refuse options that the task has no use for.

        Raises:
            DataError: with the first of them.
        """

    @classmethod
    def on_samples(cls, generator: Generator, images: ImageSet, held_out: ImageSet) -> Self:
        """The task of `generator` on samples of the teacher in place of real images.

        Args:
            generator: a student or the teacher.
            images: samples to train on, with labels where the teacher has classes.
            held_out: other samples, which generated images are compared with.
        """
