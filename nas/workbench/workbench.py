"""The workbench: teacher, data, teacher cache and extractor, loaded once for all candidates of a process."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from distill.evaluation import check_colours, images_at_a_time
from distill.perceptual import NONE, FeatureMaps, PerceptualDistance, load_features
from distill.progress import OnProgress
from distill.recipes import Ingredients, Recipe, make_recipe, parse_similarity
from distill.seeds import derive_seed
from distill.storage import mapped_tensor
from distill.tasks import Preview, Task, TeacherInputs, get_task
from distill.teachers import TEACHER_CACHE, Teacher, TeacherCache, TeacherSamples, load_teacher, look_at
from distill.training import (
    Precision,
    Trainer,
    TrainingConfig,
    channels_last_pays,
    resolve_precision,
)
from nas.budget import AnyLatency, Latency, LatencyBudget, make_stopwatch
from nas.config import REVISION, SNAPSHOTS, STATISTICS, SearchConfig, conditions, recipe_revision
from nas.trials import WarmStart
from nas.workbench.checks import check_compared, check_recipe, check_similarity, check_training
from nas.workbench.images import SearchImages
from nas.workbench.ingredients import load_compared, make_ingredients, with_ramp
from nas.workbench.preview import make_preview
from nas.workbench.task_options import with_task_options
from nas.workbench.teachers import Teachers
from nas.workbench.warm_start import read_warm_start
from search_spaces import Architecture, Generator, Inputs, SearchSpace

if TYPE_CHECKING:
    from distill.evaluation import Fidelity, FidScore

EXAMPLES, EXAMPLES_SEED = 64, 1_000_033
TEACHER_CACHE_SEED = 1_000_003  # other inputs than FIDs are measured on


class Workbench:
    """Everything that distills and measures one architecture after another, on one device."""

    def __init__(
        self,
        config: SearchConfig,
        *,
        teacher: Teacher | None = None,
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
        extractor_reason: str = "",
    ) -> None:
        """Load the teacher, and check it with the recipe and the training; images are loaded later.

        Args:
            config: resolved, with the study's name (`SearchConfig.named`).
            teacher: the teacher that `config` names, if it is loaded already.
            dry_run: use a sample of the images, and write nothing.
            on_progress: receives the progress of decoding, rendering and measuring images.
            extractor_reason: why the extractor was chosen, where the user did not.

        Raises:
            UserError: the teacher can't be read, or parts of the request exclude each other.
        """
        self._on_progress = on_progress
        self.extractor_reason = extractor_reason
        self.device = "cuda" if torch.cuda.is_available() and config.gpus_per_trial != 0 else "cpu"
        self.teacher: Teacher = teacher or load_teacher(config.teacher)
        if config.resolution:
            self.teacher = self.teacher.at_resolution(config.resolution)
        self.config = config = with_ramp(with_task_options(config, self.teacher), self.teacher)
        students: SearchSpace = self.teacher.family.space(self.teacher.generator.architecture)
        self.space = students.with_fractions(config.budget.fractions(students))
        check_similarity(config)
        check_recipe(config, self.teacher)
        check_training(config, self.teacher)
        self.teachers = Teachers.load(config, self.teacher, self.device, on_progress)
        self.distance, self.maps = load_compared(config, self.teacher, self.device)
        self.features = load_features(self.device) if parse_similarity(config.similarity)["mmd"] else None
        check_compared(config, self.teacher, self.distance, self.maps)
        self._images = SearchImages(
            config, self.teacher, device=self.device, dry_run=dry_run, on_progress=on_progress
        )
        if self.samples is not None:
            self.samples.check(config.task_options)
        self.recipe: Recipe = make_recipe(config.recipe, config.schedule, self.ingredients())

    @cached_property
    def identity(self) -> dict[str, str]:
        """Values that all results of a study share; others are not comparable.

        A dry run that has read only a sample of the images does not know what they are.
        """
        parts = {
            "space": self.teacher.family.name,
            "teacher": self.teacher.digest,
            SNAPSHOTS: self.teachers.digest,
            REVISION: recipe_revision(self.config),
            "data": self._images.digest,
            "perceptual": NONE if self.perceptual is None else self.perceptual.digest,
        }
        return {name: part for name, part in parts.items() if part} | conditions(self.config)

    def load_data(self) -> Task:
        """Load the real images if needed: see `SearchImages.check`."""
        self._images.check()
        return self.outline

    @property
    def perceptual(self) -> PerceptualDistance | FeatureMaps | None:
        """The network that `--perceptual` names, in which the recipe compares images; None without one."""
        return self.distance or self.maps

    @property
    def samples(self) -> TeacherSamples | None:
        """The teacher's samples that take the place of real images; None where there are real images."""
        return self._images.samples

    @property
    def outline(self) -> Task:
        """`task` for what needs no training: where the teacher makes the images, with a few of them."""
        return self._images.outline

    @property
    def task(self) -> Task:
        """The family's task on the real images or the teacher's samples; in a dry run, on a few of them."""
        return self._images.task

    def check_latency(self) -> None:
        """Measure the smallest student, if there is a latency budget.

        Raises:
            BudgetError: even the smallest student is too slow.
            ConfigError: latency can't be measured on `latency_on`.
        """
        self.latency.check_smallest(self.space)

    @cached_property
    def latency(self) -> Latency:
        """The latency budget of one image, measured in this process."""
        if self.config.budget_latency is None:
            return AnyLatency()
        stopwatch = make_stopwatch(self.config.latency_on)
        return LatencyBudget(self.config.budget_latency, stopwatch, self.teacher.family.build)

    def load_warm_start(self) -> WarmStart:
        """Read `warm_start` if needed; needs no images.

        Raises:
            ConfigError, StudyError, StorageError: see `read_warm_start`.
        """
        return self.warm_start

    @cached_property
    def warm_start(self) -> WarmStart:
        """What the user wants trained first."""
        return read_warm_start(self)

    def load_teacher_cache(self) -> TeacherCache:
        """Open the teacher cache, and make it if it is missing."""
        return self.teacher_cache

    @cached_property
    def teacher_cache(self) -> TeacherCache:
        return self.teachers.caches(self.task.teacher_inputs(self.config.cached_images, TEACHER_CACHE_SEED))

    @cached_property
    def preview(self) -> Preview:
        """What grids show, with the teacher's images."""
        return make_preview(self.task, self.teacher_cache, self.teacher.generator.to(self.device))

    def teacher_inputs(self, size: int) -> TeacherInputs:
        """At most `size` of the inputs of the teacher cache, without loading images."""
        return self.outline.teacher_inputs(size, TEACHER_CACHE_SEED)

    @cached_property
    def fidelity(self) -> Fidelity:
        from distill.evaluation import Fidelity  # 85 MB of memory that drivers don't need

        return Fidelity(
            self.task.eval_sets(),
            self.config.extractor,
            weights=self.config.extractor_weights,
            cache=self.config.cache / STATISTICS,
            device=self.device,
            batch_size=images_at_a_time(self.teacher.generator.image_shape[1]),
            metrics=self.metrics,
            on_progress=self._on_progress,
        )

    @cached_property
    def held_out_fidelity(self) -> Fidelity:
        """The judge of finalists, on images that no training sees."""
        return self.fidelity.against(self.task.held_out_sets())

    def cached_files(self) -> list[Path]:
        """Files below `config.cache` that all candidates read; a teacher cache that is missing is made.

        They are the teacher's images and the statistics of the real ones, which may differ in their last
        digits on another device.
        """
        inputs = self.task.teacher_inputs(self.config.cached_images, TEACHER_CACHE_SEED)
        self.load_teacher_cache()  # `teacher_score` makes none where the task has no random inputs
        homes = self.teachers.homes(inputs)
        if self.samples is not None:
            homes += self.samples.homes(self.config.cache / TEACHER_CACHE)
        files = [file for home in homes for file in sorted(home.iterdir())]
        return [file for file in (*files, *self.fidelity.cached_files()) if file.is_file()]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics before the last rung: with few samples an FID is biased, a KID is not."""
        return ("fid", "kid") if self.config.rung_samples else ("fid",)

    @property
    def precision(self) -> Precision:
        """Arithmetic of the networks on this device."""
        return resolve_precision(self.config.precision, self.device)

    def teacher_score(self) -> FidScore:
        """The teacher's FID over as many images as a student's; over cached ones if inputs are random."""
        (first, *others) = self.task.eval_sets()
        if others or not first.drawn:
            generator, samples = self.teacher.generator.to(self.device), self.config.fid_samples
            return self.fidelity.fid(generator, samples, TEACHER_CACHE_SEED)
        images = self.teacher_cache.images[: self.config.fid_samples]
        return self.fidelity.fid_of_images(mapped_tensor(images), TEACHER_CACHE_SEED)

    def student(self, architecture: Architecture, seed: int | None = None) -> Generator:
        """A new student: random weights from `seed` or the search's, then inherited ones if asked for."""
        with self._seeded("student", seed):
            student = self.teacher.family.build(architecture)
        if self.config.inherit:
            teacher = self.teacher.generator.cpu()
            teacher.examples = self.examples
            self.space.inherit(teacher, student, self.config.importance)
        return student

    @cached_property
    def examples(self) -> Inputs:
        """Inputs from data that channels are ranked with; none where inputs are drawn at random."""
        task = self.outline
        return next(task.inputs(EXAMPLES_SEED, EXAMPLES)) if task.needs_images else ()

    def trainer(self, student: Generator, seed: int | None = None, micro_batch: int | None = None) -> Trainer:
        """A training of `student` that ends at the last rung, with the search's seed or `seed`."""
        discriminator = copy.deepcopy(self.teacher.discriminator)
        if discriminator is None or not self.config.warm_discriminator:
            with self._seeded("discriminator", seed):
                discriminator = self.teacher.family.build_discriminator(self._discriminator_architecture())
        published = self.teacher.family.training
        config = TrainingConfig(
            images=self.config.rungs[-1],
            batch_size=self.config.batch_size,
            generator_lr=published.generator_lr,
            discriminator_lr=published.discriminator_lr,
            similarity_lr=self.config.similarity_lr,
            betas=published.betas,
            mirror=self.config.mirror,
            seed=self.config.seed if seed is None else seed,
            micro_batch=(self.config.micro_batch or 0) if micro_batch is None else micro_batch,
            precision=self.precision,
            channels_last=channels_last_pays(self.teacher.generator.image_shape[1]),
            compile=self.config.compile,
            checkpoint_activations=self.config.checkpoint_activations,
        )
        return Trainer(
            student,
            discriminator,
            self.recipe,
            self.task,
            config,
            teachings=self.teachers.teachings(self.recipe, self.teacher_cache),
            device=self.device,
        )

    def check_teacher(self) -> None:
        """Look at a few of the teacher's images.

        Raises:
            TeacherError: they are constant, or not finite.
            FidelityError: the extractor is for grey images, and they have colours.
        """
        if self.samples is None:  # else they were looked at when they were loaded
            check_colours(self.config.extractor, look_at(self.teacher.generator, self.teacher_inputs))

    def check_teacher_cache(self) -> None:
        """Check that the disk has room for the teacher cache and samples, where they are to be made.

        Raises:
            TeacherCacheError: the disk has too little room.
        """
        self.teachers.check_room(self.teacher_inputs(self.config.cached_images), self.teacher_inputs(1))
        if self.samples is not None:
            self.samples.check_room(self.config.cache / TEACHER_CACHE)

    def ingredients(self) -> Ingredients:
        """What recipes are made of in this search."""
        return make_ingredients(self.config, self.teacher, self.distance, self.features, self.maps)

    @contextmanager
    def _seeded(self, use: str, seed: int | None) -> Iterator[None]:
        """Seed torch with the search's seed, so that all candidates start from the same random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.config.seed if seed is None else seed, use))
            yield

    def _discriminator_architecture(self) -> Architecture:
        if self.teacher.discriminator is not None:
            return self.teacher.discriminator.architecture
        task = get_task(self.teacher.family, self.config.task).name
        return self.teacher.family.discriminator_for(self.teacher.generator.architecture, task)
