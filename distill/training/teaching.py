"""Who teaches a student, in which part of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from distill.tasks import Batch
from search_spaces import Discriminator, Generator


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
