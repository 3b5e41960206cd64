"""Compressing GANs (Aguinaldo et al., arXiv 1902.00159): mean square error to the teacher's image.

With α = 1 it is the mean square error alone, without a discriminator. With α < 1 the joint loss adds the
adversarial loss of the family, which keeps images sharp: WGAN-GP for the paper's W-DCGANs. The paper gives no
α. Ours is 1: brief trainings reach the best FID without a discriminator (docs/compressing-gans.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.adversarial import AdversarialLoss, Terms, Wasserstein
from distill.errors import RecipeError
from distill.losses import pixel_mse
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.schedules import Schedule
from distill.tasks import NoiseTask

MEAN_SQUARE = Schedule("constant", start=1.0)


@dataclass(frozen=True)
class CompressingGans(Distillation):
    """`L_G = (1 - α)·ℓ(D(G(z))) + α·mean((G(z) - T(z))²)`, α being the schedule's weight.

    `ℓ` is the generator's adversarial loss: `-D` for a Wasserstein critic, as in the paper.

    Raises:
        RecipeError: α leaves [0, 1], or the schedule needs a sign of logits that the loss does not define.
    """

    schedule: Schedule = field(default_factory=lambda: MEAN_SQUARE)
    adversarial: AdversarialLoss = field(default_factory=Wasserstein)

    name: ClassVar = "compressing-gans"
    default_schedule: ClassVar = MEAN_SQUARE
    tasks: ClassVar = (NoiseTask.name,)
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _, highest = self.schedule.bounds
        if highest > 1:
            raise RecipeError(
                f"KD weight {highest:g}: {self.name} takes it as α in [0, 1]: give --kd-weight-start and "
                "--kd-weight-end from 0 to 1"
            )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial)

    def discriminator_steps(self, progress: float) -> int:
        return super().discriminator_steps(progress) if self._is_adversarial else 0

    @property
    def _is_adversarial(self) -> bool:
        lowest, _ = self.schedule.bounds
        return lowest < 1

    def generator_terms(self, step: GeneratorStep) -> Terms:
        teacher = step.batch.teacher
        weight = 0.0 if teacher is None else step.kd_weight
        terms: Terms = {}
        if self._is_adversarial:
            adversarial = self.adversarial.generator_losses(step.logits, step.real_logits).mean()
            terms["g_adversarial"] = (1 - weight) * adversarial
        if teacher is not None and weight > 0:
            terms["g_mse"] = weight * pixel_mse(step.fake, teacher)
        return terms
