"""Teachers: loading one, caching its outputs, training one from images."""

from distill.teachers.cache import (
    TeacherCache,
    check_room,
    make_teacher_cache,
    teacher_cache_bytes,
    teacher_cache_home,
)
from distill.teachers.loading import Teacher, load_teacher
from distill.teachers.training import Outcome, check_place, check_training, train_teacher
from distill.teachers.training_state import Snapshot, TeacherTraining, recorded_extractor

__all__ = [
    "Outcome",
    "Snapshot",
    "Teacher",
    "TeacherCache",
    "TeacherTraining",
    "check_place",
    "check_room",
    "check_training",
    "load_teacher",
    "make_teacher_cache",
    "recorded_extractor",
    "teacher_cache_bytes",
    "teacher_cache_home",
    "train_teacher",
]
