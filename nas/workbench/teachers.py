"""Who teaches the students of a search: one teacher, or the snapshots of its training, one after another."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from distill.progress import OnProgress
from distill.recipes import Recipe
from distill.tasks import TeacherInputs
from distill.teachers import (
    TEACHER_CACHE,
    Teacher,
    TeacherCache,
    TeacherSnapshots,
    check_room,
    make_teacher_cache,
    teacher_cache_bytes,
    teacher_cache_home,
)
from distill.training import Teaching
from nas.config import NO_SNAPSHOTS, SearchConfig


@dataclass(frozen=True)
class Teachers:
    """The teacher of a search with its images, and the snapshots of its training, if there are some."""

    config: SearchConfig
    teacher: Teacher
    snapshots: TeacherSnapshots | None  # they teach in turn; None where the finished teacher alone does
    device: str
    on_progress: OnProgress | None = None

    @classmethod
    def load(
        cls, config: SearchConfig, teacher: Teacher, device: str, on_progress: OnProgress | None = None
    ) -> Self:
        """The teacher, and the snapshots of it that `config` names.

        Raises:
            TeacherError: there are none in the folder, or they are of other networks.
        """
        folder = config.teacher_snapshots
        snapshots = None if folder is None else TeacherSnapshots.find(folder, teacher)
        return cls(config, teacher, snapshots, device, on_progress)

    @property
    def digest(self) -> str:
        """Of the snapshots; "none" without them."""
        return NO_SNAPSHOTS if self.snapshots is None else self.snapshots.digest

    def cache(self, inputs: TeacherInputs, teacher: Teacher | None = None) -> TeacherCache:
        """Open the cache of the images of `teacher`, else of the finished one; make it if it is missing."""
        made_by = teacher or self.teacher
        return make_teacher_cache(
            made_by.generator,
            made_by.digest,
            inputs,
            self.config.cache / TEACHER_CACHE,
            device=self.device,
            on_progress=self.on_progress,
        )

    def caches(self, inputs: TeacherInputs) -> TeacherCache:
        """The finished teacher's cache; those of all snapshots are made, too, where they are missing."""
        snapshots = self.snapshots
        for part in range(len(snapshots) if snapshots is not None else 0):
            assert snapshots is not None
            if not self._home(snapshots.best(part).digest, inputs).exists():
                self.cache(inputs, snapshots.load(part))
        return self.cache(inputs)

    def homes(self, inputs: TeacherInputs) -> list[Path]:
        """The folders of the caches that `caches` opens."""
        return [self._home(digest, inputs) for digest in sorted(self._digests)]

    @property
    def _digests(self) -> set[str]:
        """Of the finished teacher, and of all snapshots."""
        snapshots = self.snapshots
        parts = [] if snapshots is None else [snapshots.best(part).digest for part in range(len(snapshots))]
        return {self.teacher.digest, *parts}

    def _home(self, digest: str, inputs: TeacherInputs) -> Path:
        return teacher_cache_home(self.config.cache / TEACHER_CACHE, digest, inputs)

    def check_room(self, inputs: TeacherInputs, one: TeacherInputs) -> None:
        """Check that the disk has room for the teacher caches that are missing.

        Args:
            inputs: of the caches.
            one: a single input, which shows the size of all.

        Raises:
            TeacherCacheError: the disk has too little room.
        """
        folder = self.config.cache / TEACHER_CACHE
        missing = sum(not os.path.exists(home) for home in self.homes(inputs))
        size = len(inputs) * missing
        needed = teacher_cache_bytes(size, self.teacher.generator.image_shape, one.arrays())
        check_room(folder, size, needed)

    def teachings(self, recipe: Recipe, cache: TeacherCache) -> list[Teaching]:
        """What the teacher gives to a training with `recipe`, or each of its snapshots in turn.

        Networks are the training's own, which freezes them and may move them; `cache` is the teacher's.
        """
        return [
            Teaching(
                cache if each is self.teacher else self.cache(cache.inputs, each),
                copy.deepcopy(each.discriminator),
                copy.deepcopy(each.generator) if recipe.needs_maps else None,
            )
            for each in self._in_turn
        ]

    @cached_property
    def _in_turn(self) -> Sequence[Teacher]:
        """The teachers of the parts of a training, loaded once for all trainings."""
        if self.snapshots is None:
            return [self.teacher]
        return [self.snapshots.load(part) for part in range(len(self.snapshots))]
