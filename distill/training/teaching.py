"""Who teaches a student, in which part of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from distill.errors import RecipeError
from distill.recipes import Recipe
from distill.tasks import Batch
from search_spaces import Discriminator, Generator, Inputs


class TeacherImages(Protocol):
    """The teacher's images for fixed inputs: a `distill.teachers.TeacherCache`."""

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        """A random batch of `count`, with the teacher's images."""


@dataclass(frozen=True)
class Teaching:
    """What one teacher gives to a training; without anything, the training is adversarial alone."""

    images: TeacherImages | None = None
    discriminator: Discriminator | None = None
    generator: Generator | None = None  # for recipes that look inside it

    def frozen(self, device: str) -> Teaching:
        """Itself, its networks moved to `device`, in evaluation mode and without gradients of weights."""
        for network in (self.discriminator, self.generator):
            if network is not None:
                network.to(device).eval().requires_grad_(False)
        return self


def at_progress(teachings: Sequence[Teaching], progress: float) -> Teaching:
    """The one of `teachings` at `progress` in [0, 1]: they follow each other in equal parts."""
    return teachings[min(len(teachings) - 1, int(progress * len(teachings)))]


def check_gap(recipe: Recipe, teachings: Sequence[Teaching]) -> None:
    """Check that there is a frozen discriminator for a KD weight that follows one.

    Raises:
        RecipeError: there is none.
    """
    if recipe.needs_gap and any(each.discriminator is None for each in teachings):
        raise RecipeError(
            "--kd-schedule adaptive follows the teacher's frozen discriminator, and the teacher has none: "
            "give one that holds both (nas-teacher import --discriminator joins two files), or another "
            "schedule, such as cosine"
        )


@torch.no_grad()
def gap_of(teaching: Teaching, images: Tensor, condition: Inputs) -> Tensor:
    """How far the teacher's discriminator is from being fooled by each image: `max(0, -D(x))`, (N,)."""
    assert teaching.discriminator is not None  # see `check_gap`
    logits: Tensor = teaching.discriminator(images, *condition)
    return logits.float().neg().clamp_min(0).reshape(len(logits), -1).mean(dim=1)
