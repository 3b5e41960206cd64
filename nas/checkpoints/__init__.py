"""Trained students: export, loading, sampling, evaluation."""

from nas.checkpoints.evaluation import evaluate
from nas.checkpoints.export import better_seed, choose, export_student
from nas.checkpoints.sampling import check_output, draw, write
from nas.checkpoints.student import load_student

__all__ = [
    "better_seed",
    "check_output",
    "choose",
    "draw",
    "evaluate",
    "export_student",
    "load_student",
    "write",
]
