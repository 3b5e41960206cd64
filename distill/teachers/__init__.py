"""Teachers: loading one, caching its outputs, training one from images."""

from distill.teachers.cache import TeacherBank, bank_bytes, bank_home, check_room, make_bank
from distill.teachers.loading import Teacher, load_teacher
from distill.teachers.training import Outcome, check_place, train_teacher
from distill.teachers.training_state import Snapshot, TeacherTraining

__all__ = [
    "Outcome",
    "Snapshot",
    "Teacher",
    "TeacherBank",
    "TeacherTraining",
    "bank_bytes",
    "bank_home",
    "check_place",
    "check_room",
    "load_teacher",
    "make_bank",
    "train_teacher",
]
