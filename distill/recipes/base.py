"""The contract of a recipe: one batch in, named loss terms out. It composes losses and schedules only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

from torch import Tensor

from distill.errors import RecipeError
from distill.losses import PerceptualDistance
from distill.schedules import Schedule
from search_spaces import Discriminator

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
    logits: Tensor  # (N,), its discriminator's answer to them; zeros where the recipe trains none
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
    def discriminator_steps(self) -> int:
        """Steps of the student's discriminator for one of the student; 0 trains none."""

    def kd_weight(self, progress: float, gap: float) -> float:
        """Weight of the teacher's terms at `progress` in [0, 1]; see `distill.schedules` for `gap`."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the student's discriminator minimises."""

    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""


class Adversarial(Protocol):
    """The game between a generator and a discriminator: losses of both sides."""

    name: ClassVar[str]

    @property
    def discriminator_steps(self) -> int:
        """Steps of the discriminator for one of the generator."""

    @property
    def decides(self) -> bool:
        """Whether the sign of a logit says real or generated, as adaptive augmentation needs it."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the discriminator minimises."""

    def generator_losses(self, logits: Tensor) -> Tensor:
        """What the generator minimises the mean of, (N,), from a discriminator's `logits` (N,)."""


@dataclass(frozen=True)
class Ingredients:
    """What a search has to make its recipe of."""

    adversarial: Adversarial  # that the family's networks are made for
    path_weight: float = 0.0  # of StyleGAN2's path lengths
    distance: PerceptualDistance | None = None


class Distillation(ABC):
    """A recipe with a teacher: a game, and beside it the teacher's terms, whose weight follows a schedule.

    Raises:
        RecipeError: the schedule follows the sign of logits, and in the game they have none.
    """

    schedule: Schedule
    adversarial: Adversarial

    name: ClassVar[str]
    usual: ClassVar[Schedule]  # of its KD weight, unless the user says otherwise
    usual_on_digits: ClassVar[Schedule | None] = None  # where the built-in digits want another
    needs_teacher_images: ClassVar[bool]
    needs_teacher_discriminator: ClassVar[bool]
    uses_distance: ClassVar[bool] = False  # of the ingredients

    def __post_init__(self) -> None:
        if self.schedule.shape == "adaptive":
            self._check_decides("--kd-schedule adaptive", "another schedule, such as cosine")

    @classmethod
    @abstractmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        """With a KD weight that follows `schedule`, and those of the ingredients that it has use for.

        Raises:
            RecipeError: it does not go with the schedule or the game.
        """

    @property
    def discriminator_steps(self) -> int:
        return self.adversarial.discriminator_steps

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return self.adversarial.discriminator_terms(step)

    @abstractmethod
    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""

    def _check_decides(self, asked: str, instead: str) -> None:
        if not self.adversarial.decides:
            raise RecipeError(
                f"{asked}: it goes by how far logits are below 0, which says nothing in the "
                f"{self.adversarial.name} game: give {instead}"
            )
