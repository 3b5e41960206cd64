"""The images of a search: real ones, or samples of the teacher in their place."""

from __future__ import annotations

from functools import cached_property

from distill.data import TEACHER, check_batch, check_held_out
from distill.progress import OnProgress
from distill.tasks import Task, get_task
from distill.teachers import TEACHER_CACHE, Teacher, TeacherSamples
from nas.config import SearchConfig


class SearchImages:
    """The task of a search's family on its images; loaded, or made by the teacher, when first asked for."""

    def __init__(
        self,
        config: SearchConfig,
        teacher: Teacher,
        *,
        device: str,
        dry_run: bool,
        on_progress: OnProgress | None,
    ) -> None:
        self._config, self._teacher, self._device = config, teacher, device
        self._dry_run, self._on_progress = dry_run, on_progress

    def check(self) -> None:
        """Load the real images if needed; samples of the teacher are made by the first worker.

        Raises:
            DataError: the images can't be used, are fewer than a batch, or too few of them are held out.
            TeacherError: the teacher's samples are to take their place, and are constant or not finite.
        """
        check_batch(self.outline.images, self._config.batch_size)
        for one in self.outline.held_out_sets():
            check_held_out(one.reference, self._held_out)

    @property
    def _held_out(self) -> float:
        return self._config.held_out or 0.0

    @property
    def samples(self) -> TeacherSamples | None:
        """The teacher's samples that take the place of real images; None where there are real images."""
        count = self._config.teacher_samples
        return TeacherSamples(self._teacher, count) if self._config.data == TEACHER and count else None

    @cached_property
    def task(self) -> Task:
        """The family's task on the real images or the teacher's samples; in a dry run, on a few of them."""
        if self.samples is not None:
            if self._dry_run:
                return self.outline
            folder = self._config.cache / TEACHER_CACHE
            return self.samples.task(folder, device=self._device, on_progress=self._on_progress)
        return self._real_images().hold_out(self._held_out)

    @property
    def outline(self) -> Task:
        """`task` for what needs no training: where the teacher makes the images, with a few of them."""
        return self.task if self.samples is None else self._few_samples

    @property
    def digest(self) -> str:
        """Digest of the images, which for a teacher's samples is known before they are made.

        Empty where a dry run has read only a sample of the images.
        """
        if self.samples is not None:
            return self.samples.digest
        return "" if self.task.sampled else self.task.digest

    @cached_property
    def _few_samples(self) -> Task:
        assert self.samples is not None
        return self.samples.outline()

    def _real_images(self) -> Task:
        config, generator = self._config, self._teacher.generator
        task, options = get_task(self._teacher.family, config.task), config.task_options
        if self._dry_run:
            return task.sample(config.data, generator, options=options)
        return task.load(
            config.data, generator, options=options, cache=config.cache, on_progress=self._on_progress
        )
