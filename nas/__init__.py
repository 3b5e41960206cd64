"""Neural architecture search for student generators."""

from nas.student import load_student

__all__ = ["load_student"]
