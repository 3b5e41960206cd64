"""Options of the task that the teacher's file, or the task itself, answers where the user does not."""

from __future__ import annotations

from typing import Any

from distill.tasks import get_task
from distill.teachers import Teacher
from nas.config import SearchConfig
from nas.errors import ConfigError


def with_task_options(config: SearchConfig, teacher: Teacher) -> SearchConfig:
    """`config` with the task, the attributes and the fraction held out that go with `teacher`.

    Raises:
        ConfigError: the teacher was trained for another task, direction, or for other attributes.
        DataError: its family has no such task.
    """
    noted = teacher.metadata
    attributes = tuple(name for name in noted.get("attributes", "").split(",") if name)
    for option, asked, known in (
        ("task", config.task, noted.get("task", "")),
        ("direction", config.direction, noted.get("direction", "")),
        ("attributes", ",".join(config.attributes), ",".join(attributes)),
    ):
        if asked and known and asked != known:
            raise ConfigError(
                f"--{option} {asked}: {teacher.name} was trained for {known}: give --{option} {known}, or "
                "another --teacher"
            )
    update: dict[str, Any] = {
        "task": config.task or noted.get("task", ""),
        "attributes": config.attributes or attributes,
    }
    if config.held_out is None:
        update["held_out"] = get_task(teacher.family, update["task"]).default_held_out
    return config.model_copy(update=update)
