"""Tasks: what goes into a generator, and what its images are compared with.

A new task is a file and a line in `TASKS`; families name those that they can be trained on.
"""

from distill.errors import DataError
from distill.tasks.attributes import AttributesTask
from distill.tasks.base import (
    DEFAULT_OPTIONS,
    Asked,
    Batch,
    BatchStream,
    Direction,
    EvalSet,
    Labelled,
    SampledTask,
    Task,
    TaskOptions,
    TeacherInputs,
)
from distill.tasks.noise import DrawnInputs, NoiseTask
from distill.tasks.paired import PairedTask
from distill.tasks.preview import Panel, Preview, preview_of_photos
from distill.tasks.translation import check_sides
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
    "Asked",
    "AttributesTask",
    "Batch",
    "BatchStream",
    "Direction",
    "DrawnInputs",
    "EvalSet",
    "Labelled",
    "NoiseTask",
    "PairedTask",
    "Panel",
    "Preview",
    "SampledTask",
    "Task",
    "TaskOptions",
    "TeacherInputs",
    "UnpairedTask",
    "check_sides",
    "get_task",
    "preview_of_photos",
]
