"""Tasks: what goes into a generator, and what its images are compared with.

A new task is a file and a line in `TASKS`; families name those that they can be trained on.
"""

from distill.errors import DataError
from distill.tasks.attributes import AttributesTask
from distill.tasks.base import (
    DEFAULT_OPTIONS,
    Batch,
    BatchStream,
    Direction,
    EvalSet,
    SampledTask,
    Task,
    TaskOptions,
    TeacherInputs,
    preview_rows,
)
from distill.tasks.noise import DrawnInputs, NoiseTask
from distill.tasks.paired import PairedTask
from distill.tasks.unpaired import UnpairedTask
from search_spaces import Family

_ALL: tuple[type[Task], ...] = (NoiseTask, UnpairedTask, PairedTask, AttributesTask)

TASKS: dict[str, type[Task]] = {task.name: task for task in _ALL}
"""The tasks, by the names that families give."""


def get_task(family: Family, name: str = "") -> type[Task]:
    """The task `name` of `family`; its default one without a name.

    Raises:
        DataError: generators of the family aren't trained on such a task.
    """
    if name and name not in family.tasks:
        raise DataError(
            f"--task {name}: {family.name} generators are for {' and '.join(family.tasks)}: give "
            f"{' or '.join(family.tasks)}, or leave it out"
        )
    return TASKS[name or family.tasks[0]]


__all__ = [
    "DEFAULT_OPTIONS",
    "TASKS",
    "AttributesTask",
    "Batch",
    "BatchStream",
    "Direction",
    "DrawnInputs",
    "EvalSet",
    "NoiseTask",
    "PairedTask",
    "SampledTask",
    "Task",
    "TaskOptions",
    "TeacherInputs",
    "UnpairedTask",
    "get_task",
    "preview_rows",
]
