"""Trained students: export, loading, sampling, evaluation."""

from nas.checkpoints.evaluation import evaluate
from nas.checkpoints.export import choose, export_student
from nas.checkpoints.sampling import check_output, draw, write
from nas.checkpoints.student import load_student

__all__ = ["check_output", "choose", "draw", "evaluate", "export_student", "load_student", "write"]
