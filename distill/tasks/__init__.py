"""Tasks: what goes into a generator, and what its images are compared with.

A new task is a file and a line in `TASKS`; families name theirs.
"""

from distill.tasks.base import (
    Batch,
    BatchStream,
    EvalSet,
    SampledTask,
    Task,
    TeacherInputs,
    preview_rows,
)
from distill.tasks.noise import DrawnInputs, NoiseTask

TASKS: dict[str, type[Task]] = {task.name: task for task in (NoiseTask,)}
"""The tasks, by the name that a family gives."""

__all__ = [
    "TASKS",
    "Batch",
    "BatchStream",
    "DrawnInputs",
    "EvalSet",
    "NoiseTask",
    "SampledTask",
    "Task",
    "TeacherInputs",
    "preview_rows",
]
