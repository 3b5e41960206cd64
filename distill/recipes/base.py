"""The contract of a recipe: one batch in, named loss terms out. It composes losses and schedules only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from search_spaces.base import Discriminator

Terms = dict[str, Tensor]
"""Scalar loss terms by name, already weighted: the trainer minimises their sum and logs each one."""


@dataclass(frozen=True)
class DiscriminatorStep:
    """What a recipe sees when the discriminator learns."""

    discriminator: Discriminator
    real: Tensor  # (N, C, H, W) in [-1, 1]
    fake: Tensor  # (N, C, H, W), detached from the student
    step: int  # steps done so far, for lazy regularisation


@dataclass(frozen=True)
class GeneratorStep:
    """What a recipe sees when the student learns."""

    fake: Tensor  # (N, C, H, W), the student's images
    logits: Tensor  # (N,), its discriminator's answer to them
    teacher_images: Tensor | None  # (N, C, H, W), the teacher's for the same inputs; None without a teacher
    teacher_discriminator: Discriminator | None  # frozen
    kd_weight: float


class Recipe(Protocol):
    """One way to teach a student."""

    name: str

    def kd_weight(self, progress: float, gap: float) -> float:
        """Weight of the teacher's terms at `progress` in [0, 1]; see `distill.schedules` for `gap`."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the student's discriminator minimises."""

    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""
