"""What the grids of a search show: inputs of the teacher cache, and the teacher's images for them."""

from __future__ import annotations

from dataclasses import replace

import torch

from distill.evaluation import sample
from distill.tasks import Preview, Task
from distill.teachers import TeacherCache
from search_spaces import Generator

GRID = 16  # images of the sample grid, if there are no classes
COLUMNS = 8
PREVIEWED = 2_000  # inputs of the teacher cache to choose from, so that every class is among them


def make_preview(task: Task, cache: TeacherCache, teacher: Generator) -> Preview:
    """Inputs to show, with the teacher's images: from the cache, or made where it has them not."""
    known = cache.batch(torch.arange(min(PREVIEWED, len(cache))))
    preview = task.preview(known, GRID, COLUMNS)
    if preview.teacher is not None:
        return preview
    return replace(preview, teacher=sample(teacher, preview.inputs))
