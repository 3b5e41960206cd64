"""The contract of a recipe: one step in, named loss terms out. It composes losses and schedules only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

from torch import Tensor, nn

from distill.adversarial import AdversarialLoss, DiscriminatorStep, Terms
from distill.errors import RecipeError
from distill.losses import PerceptualDistance
from distill.schedules import Schedule
from distill.tasks import Batch
from search_spaces import Discriminator, Generator, Inputs


@dataclass(frozen=True)
class GeneratorStep:
    """What is known when the student learns."""

    batch: Batch  # `batch.teacher` is None where no teacher's images are wanted
    fake: Tensor  # (N, C, H, W), the student's images for `batch.inputs`
    logits: Tensor  # (N,) or a map, its discriminator's answer to them; zeros where the recipe trains none
    student: Generator
    teacher_discriminator: Discriminator | None  # frozen
    kd_weight: float
    step: int = 0  # steps done so far, for lazy regularisation
    draw: Callable[[int], Inputs] | None = None  # so many further inputs
    state: dict[str, Tensor] = field(default_factory=dict)  # the recipe's own, kept in checkpoints
    modules: nn.ModuleDict = field(default_factory=nn.ModuleDict)  # the recipe's own, also trained


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

    def modules(self, student: Generator) -> nn.ModuleDict:
        """Networks of its own, such as 1×1 projections: trained, checkpointed and passed with every step."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the student's discriminator minimises."""

    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""


@dataclass(frozen=True)
class Ingredients:
    """What a search has to make its recipe of."""

    adversarial: AdversarialLoss  # that the family's networks are made for
    path_weight: float = 0.0  # of StyleGAN2's path lengths
    distance: PerceptualDistance | None = None


class Distillation(ABC):
    """A recipe with a teacher: an adversarial loss, and the teacher's terms, whose weight follows a schedule.

    Raises:
        RecipeError: the schedule follows the sign of logits, and the adversarial loss gives them none.
    """

    schedule: Schedule
    adversarial: AdversarialLoss

    name: ClassVar[str]
    usual: ClassVar[Schedule]  # of its KD weight, unless the user says otherwise
    usual_on_digits: ClassVar[Schedule | None] = None  # where the built-in digits want another
    needs_teacher_images: ClassVar[bool]
    needs_teacher_discriminator: ClassVar[bool]
    uses_distance: ClassVar[bool] = False  # of the ingredients

    def __post_init__(self) -> None:
        if self.schedule.shape == "adaptive":
            self._check_sign("--kd-schedule adaptive", "another schedule, such as cosine")

    @classmethod
    @abstractmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        """With a KD weight that follows `schedule`, and those of the ingredients that it has use for.

        Raises:
            RecipeError: it does not go with the schedule or the adversarial loss.
        """

    @property
    def discriminator_steps(self) -> int:
        return self.adversarial.discriminator_steps

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def modules(self, student: Generator) -> nn.ModuleDict:
        return nn.ModuleDict()

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return self.adversarial.discriminator_terms(step)

    @abstractmethod
    def generator_terms(self, step: GeneratorStep) -> Terms:
        """What the student minimises."""

    def _check_sign(self, asked: str, instead: str) -> None:
        if not self.adversarial.sign_is_verdict:
            raise RecipeError(
                f"{asked}: it follows how far logits are below 0, which says nothing with a "
                f"{self.adversarial.name} loss: give {instead}"
            )
