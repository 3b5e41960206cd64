"""Teachers: loading one, caching its outputs, training one from images."""

from distill.teachers.cache import (
    TEACHER_CACHE,
    TeacherCache,
    check_room,
    make_teacher_cache,
    teacher_cache_bytes,
    teacher_cache_home,
)
from distill.teachers.loading import Teacher, load_teacher
from distill.teachers.samples import HELD_OUT, TeacherSamples
from distill.teachers.snapshots import TeacherSnapshots, snapshot_file
from distill.teachers.soundness import look_at
from distill.teachers.training import Outcome, check_place, check_training, train_teacher
from distill.teachers.training_state import Snapshot, TeacherTraining, recorded_extractor

__all__ = [
    "HELD_OUT",
    "TEACHER_CACHE",
    "Outcome",
    "Snapshot",
    "Teacher",
    "TeacherCache",
    "TeacherSamples",
    "TeacherSnapshots",
    "TeacherTraining",
    "check_place",
    "check_room",
    "check_training",
    "load_teacher",
    "look_at",
    "make_teacher_cache",
    "recorded_extractor",
    "snapshot_file",
    "teacher_cache_bytes",
    "teacher_cache_home",
    "train_teacher",
]
