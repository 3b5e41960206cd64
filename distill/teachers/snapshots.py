"""Snapshots of a teacher's training: teachers that follow each other, as CRD and OMGD are published."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distill.errors import TeacherError
from distill.teachers.loading import Teacher, load_teacher
from search_spaces import count_of

PATTERN = "teacher-*.safetensors"


def snapshot_file(folder: Path, images: int) -> Path:
    """Where a training in `folder` keeps its teacher after `images` images."""
    return folder / f"teacher-{images:09d}.safetensors"


@dataclass(frozen=True)
class SavedTeacher:
    """What is known of one file of `snapshot_file`."""

    path: Path
    digest: str  # first 16 hex digits of the file's SHA-256
    images: int  # of its training
    fid: float  # infinite where it was not measured


@dataclass(frozen=True)
class TeacherSnapshots:
    """A teacher at successive times of its training; `find` reads a folder of them.

    Of part `i` of a student's training the teacher is the generator of the lowest FID until then, and the
    latest discriminator (arXiv 2212.11091). A teacher does not depend on its students, so one training of it
    serves all candidates of a search, where the published code trains a teacher along with every student.
    """

    teacher: Teacher  # the finished one
    snapshots: Sequence[SavedTeacher]  # in the order of the training

    @classmethod
    def find(cls, folder: Path, teacher: Teacher) -> TeacherSnapshots:
        """The snapshots of `teacher` in `folder`.

        Raises:
            TeacherError: there are none, or they are of other networks.
        """
        paths = sorted(folder.glob(PATTERN))
        if not paths:
            there = "has no snapshots" if folder.is_dir() else "is not a folder"
            raise TeacherError(
                f"teacher snapshots {folder}: it {there}: give the folder that nas-teacher train "
                "--keep-snapshots makes beside the teacher, such as faces.training"
            )
        return cls(teacher, sorted((_look_at(path, teacher) for path in paths), key=lambda each: each.images))

    def __len__(self) -> int:
        return len(self.snapshots)

    @property
    def digest(self) -> str:
        """16 hex digits of all files."""
        return hashlib.sha256(":".join(each.digest for each in self.snapshots).encode()).hexdigest()[:16]

    @property
    def described(self) -> str:
        """The snapshots in words."""
        first, last = self.snapshots[0].images, self.snapshots[-1].images
        return (
            f"{count_of(len(self), 'snapshot')} of its training, after {first:,} to {last:,} images; "
            "each teaches for an equal part of a student's training"
        )

    def load(self, part: int) -> Teacher:
        """The teacher of part `part`, at the resolution of the finished one."""
        latest, best = self.snapshots[part], self.best(part)
        judge = load_teacher(latest.path)
        generator = judge if best == latest else load_teacher(best.path)
        side = self.teacher.generator.image_shape[1]
        return replace(generator, discriminator=judge.discriminator).at_resolution(side)

    def best(self, part: int) -> SavedTeacher:
        """The snapshot whose generator teaches in part `part`: the best so far, of equals the latest."""
        return min(reversed(self.snapshots[: part + 1]), key=lambda each: each.fid)


def _look_at(path: Path, teacher: Teacher) -> SavedTeacher:
    found = load_teacher(path)
    known, own = (each.generator.architecture for each in (teacher, found.at_resolution(_side(teacher))))
    if found.family.name != teacher.family.name or known != own:
        raise TeacherError(
            f"teacher snapshot {path}: it is of other networks ({own}) than {teacher.name} ({known}): give "
            "the snapshots of its own training"
        )
    try:
        images, fid = int(found.metadata.get("images", 0)), float(found.metadata.get("fid", math.inf))
    except ValueError as error:
        raise TeacherError(
            f"teacher snapshot {path}: what it notes is damaged ({error}): remove it"
        ) from error
    return SavedTeacher(path, found.digest, images, math.inf if math.isnan(fid) else fid)


def _side(teacher: Teacher) -> int:
    return teacher.generator.image_shape[1]
