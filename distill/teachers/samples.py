"""Samples of a teacher in place of real images, for users who have a generator and not its images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from distill.data import MIN_IMAGES, TEACHER, ImageSet
from distill.errors import TeacherError
from distill.progress import OnProgress
from distill.seeds import derive_seed
from distill.storage import mapped_tensor
from distill.tasks import DEFAULT_OPTIONS, DrawnInputs, SampledTask, Task, TaskOptions, get_task
from distill.teachers.cache import (
    CacheUse,
    check_room,
    make_teacher_cache,
    teacher_cache_bytes,
    teacher_cache_home,
)
from distill.teachers.loading import Teacher
from distill.teachers.soundness import look_at
from search_spaces import Generator, InputSpec

HELD_OUT = 5  # one sample of so many is held out
LEAST_SAMPLES = HELD_OUT * MIN_IMAGES
TRAINING_SEED = derive_seed(0, "samples of the teacher")  # other inputs than FIDs and the teacher cache have
HELD_OUT_SEED = derive_seed(0, "held-out samples of the teacher")
SAMPLES = CacheUse(
    "Making samples of the teacher, once",
    "{:,} samples of the teacher take",
    "give a smaller --teacher-samples, or another --workdir (nas-evaluate: --cache)",
)


@dataclass(frozen=True)
class TeacherSamples:
    """`count` samples of a teacher in place of real images.

    Students are trained on one part. The other part is held out: no discriminator ever sees it, and generated
    images are compared with it. Each part has its own seed, so that `nas-evaluate` makes the held-out part
    alone. Both are kept as a teacher cache is, see `make_teacher_cache`.
    """

    teacher: Teacher
    count: int

    def check(self, options: TaskOptions = DEFAULT_OPTIONS) -> None:
        """Check that samples can take the place of real images, and that there are enough.

        Raises:
            TeacherError: samples can't take the place of this task's images, or are too few.
            DataError: the task has no use for `options`.
        """
        if get_task(self.teacher.family).needs_images:
            raise TeacherError(
                f"--data {TEACHER}: {self.teacher.family.name} generators take images, which samples of the "
                "teacher can't replace: give the images by --data"
            )
        self._task.check_options(options)
        if self.count < LEAST_SAMPLES:
            raise TeacherError(f"--teacher-samples {self.count}: give at least {LEAST_SAMPLES}, better 50k")

    @property
    def training(self) -> DrawnInputs:
        """Inputs of the samples to train on."""
        return DrawnInputs(self._specs, self.count - self.count // HELD_OUT, TRAINING_SEED)

    @property
    def held_out(self) -> DrawnInputs:
        """Inputs of the samples that are held out."""
        return DrawnInputs(self._specs, self.count // HELD_OUT, HELD_OUT_SEED)

    @property
    def digest(self) -> str:
        """16 hex digits of what the samples follow from: teacher, number and seeds; no pixel is read."""
        described = f"{self.teacher.digest}:{self.training.digest}:{self.held_out.digest}"
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    @property
    def described(self) -> str:
        """What generated images are compared with, in words."""
        return f"{len(self.held_out):,} held-out samples of the teacher"

    @property
    def bytes_on_disk(self) -> int:
        """Size of the samples on disk."""
        return self._bytes(self.count)

    def task(self, folder: Path, *, device: str = "cpu", on_progress: OnProgress | None = None) -> Task:
        """The family's task on the samples, which are made in `folder` if they are not there.

        `on_progress` receives how many samples of both parts are made.

        Raises:
            TeacherCacheError: the disk has no room for them.
            TeacherError: the teacher makes NaN or infinity.
        """

        def of_both(before: int) -> OnProgress | None:
            return on_progress and (lambda what, done, _: on_progress(what, before + done, self.count))

        held_out = self._images(self.held_out, folder, device, of_both(0))
        training = self._images(self.training, folder, device, of_both(len(held_out)))
        return self._on(self.teacher.generator, training, held_out)

    def held_out_task(
        self,
        generator: Generator,
        folder: Path,
        *,
        device: str = "cpu",
        on_progress: OnProgress | None = None,
    ) -> Task:
        """The task of `generator` on the held-out samples alone: to be measured, not to be trained.

        Raises:
            TeacherCacheError, TeacherError: as `task`.
        """
        held_out = self._images(self.held_out, folder, device, on_progress)
        return self._on(generator, held_out, held_out)

    def outline(self) -> Task:
        """The task on a few samples, in seconds; writes nothing.

        Raises:
            TeacherError: the teacher's samples are not finite, or all the same.
        """
        few = look_at(self.teacher.generator, lambda size: DrawnInputs(self._specs, size, TRAINING_SEED))
        images = ImageSet(TEACHER, few, self.digest, found=len(self.training))
        return self._on(self.teacher.generator, images, images)

    def check_room(self, folder: Path) -> None:
        """Check that the disk of `folder` has room for the samples that are not there yet.

        Raises:
            TeacherCacheError: it has not.
        """
        missing = [part for part in (self.held_out, self.training) if not self._home(part, folder).exists()]
        size = sum(len(part) for part in missing)
        check_room(folder, size, self._bytes(size), SAMPLES)

    def homes(self, folder: Path) -> list[Path]:
        """The folders in `folder` that keep both parts."""
        return [self._home(part, folder) for part in (self.held_out, self.training)]

    def _bytes(self, size: int) -> int:
        row = DrawnInputs(self._specs, 1, TRAINING_SEED).arrays()
        return teacher_cache_bytes(size, self.teacher.generator.image_shape, row)

    @property
    def _specs(self) -> tuple[InputSpec, ...]:
        return self.teacher.generator.input_specs

    def _home(self, part: DrawnInputs, folder: Path) -> Path:
        return teacher_cache_home(folder, self.teacher.digest, part)

    def _images(
        self, part: DrawnInputs, folder: Path, device: str, on_progress: OnProgress | None
    ) -> ImageSet:
        """The samples of one part, made if they are not there."""
        cache = make_teacher_cache(
            self.teacher.generator,
            self.teacher.digest,
            part,
            folder,
            device=device,
            on_progress=on_progress,
            use=SAMPLES,
        )
        digest = self.digest if part == self.training else self._home(part, folder).name
        labels, classes = _labels(self._specs, cache.arrays)
        return ImageSet(TEACHER, mapped_tensor(cache.images), digest, labels=labels, classes=classes)

    def _on(self, generator: Generator, images: ImageSet, held_out: ImageSet) -> Task:
        return self._task.on_samples(generator, images, held_out)

    @property
    def _task(self) -> type[SampledTask]:
        return cast(type[SampledTask], get_task(self.teacher.family))  # it needs no images


def _labels(
    specs: Sequence[InputSpec], arrays: Sequence[npt.NDArray[Any]]
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels (N,) of the samples made from `arrays`, and names of the classes; None without classes."""
    for spec, one_hot in zip(specs, arrays, strict=True):
        if spec.kind == "label":
            classes = tuple(str(number) for number in range(spec.shape[0]))
            return torch.from_numpy(np.argmax(one_hot, axis=1)), classes
    return None, ()
