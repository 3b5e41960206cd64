"""The contract of a recipe: one batch in, named loss terms out. It composes losses and schedules only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

from torch import Tensor

from distill.losses import PerceptualDistance
from distill.schedules import Schedule
from search_spaces.base import Discriminator

Terms = dict[str, Tensor]
"""Scalar loss terms by name, already weighted: the trainer minimises their sum and logs each one."""

Condition = tuple[Tensor, ...]
"""What a discriminator is told besides images, one row for each image; mostly nothing."""


@dataclass(frozen=True)
class DiscriminatorStep:
    """What a recipe sees when the discriminator learns."""

    discriminator: Discriminator
    real: Tensor  # (N, C, H, W), around [-1, 1]; augmented where the training augments
    fake: Tensor  # (N, C, H, W), detached from the student; augmented alike
    step: int  # steps done so far, for lazy regularisation
    real_condition: Condition = ()
    fake_condition: Condition = ()
    exact: Discriminator | None = None  # where `discriminator` can't be differentiated twice: one that can
    observe: Callable[[Tensor], None] = lambda real_logits: None  # what adaptive augmentation goes by


@dataclass(frozen=True)
class GeneratorStep:
    """What a recipe sees when the student learns."""

    fake: Tensor  # (N, C, H, W), the student's images
    logits: Tensor  # (N,), its discriminator's answer to them
    teacher_images: Tensor | None  # (N, C, H, W), the teacher's for the same inputs; None without a teacher
    teacher_discriminator: Discriminator | None  # frozen
    kd_weight: float
    step: int = 0  # steps done so far, for lazy regularisation
    draw: Callable[[int], tuple[Tensor, Tensor]] | None = None  # so many new images, and their styles (N, D)
    memory: dict[str, Tensor] = field(default_factory=dict)  # the recipe's own, kept in checkpoints
    condition: Condition = ()  # of `fake`, for the teacher's discriminator


class Recipe(Protocol):
    """One way to teach a student."""

    name: ClassVar[str]
    needs_teacher_images: ClassVar[bool]  # for the student's inputs
    needs_teacher_discriminator: ClassVar[bool]

    @property
    def critic_steps(self) -> int:
        """Steps of the student's discriminator for one of the student; 0 trains none."""

    def kd_weight(self, progress: float, gap: float) -> float:
        """Weight of the teacher's terms at `progress` in [0, 1]; see `distill.schedules` for `gap`."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the student's discriminator minimises."""

    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""


class Adversarial(Protocol):
    """The game between a generator and a discriminator: losses of both sides."""

    @property
    def critic_steps(self) -> int:
        """Steps of the discriminator for one of the generator."""

    @property
    def decides(self) -> bool:
        """Whether the sign of a logit says real or generated, as adaptive augmentation needs it."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the discriminator minimises."""

    def generator_losses(self, logits: Tensor) -> Tensor:
        """What the generator minimises the mean of, (N,), from a discriminator's `logits` (N,)."""


@dataclass(frozen=True)
class Tools:
    """What a search has for its recipe."""

    adversarial: Adversarial  # that the family's networks are made for
    path_weight: float = 0.0  # of StyleGAN2's path lengths
    distance: PerceptualDistance | None = None


class Taught(Recipe, Protocol):
    """A recipe with a teacher."""

    usual: ClassVar[Schedule]  # of its KD weight, unless the user says otherwise

    @classmethod
    def make(cls, schedule: Schedule, tools: Tools) -> Self:
        """With a KD weight that follows `schedule`, and those of the tools that it has use for.

        Raises:
            RecipeError: it can't follow such a schedule.
        """


class Played:
    """What recipes have in common that follow a schedule in a game."""

    schedule: Schedule
    adversarial: Any  # an Adversarial; a recipe may be of one kind only

    @property
    def critic_steps(self) -> int:
        return int(self.adversarial.critic_steps)

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        terms: Terms = self.adversarial.discriminator_terms(step)
        return terms
