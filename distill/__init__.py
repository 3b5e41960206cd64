"""One student, one teacher, one training, one score."""

__all__ = [
    "adversarial",
    "data",
    "digits",
    "errors",
    "evaluation",
    "losses",
    "memory",
    "noise",
    "progress",
    "recipes",
    "schedules",
    "seeds",
    "storage",
    "tasks",
    "teachers",
    "training",
]
