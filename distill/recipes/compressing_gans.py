"""Compressing GANs (Aguinaldo et al., arXiv 1902.00159): the teacher's image for the same z, in mean square.

With α = 1 it is the mean square alone, and there is no critic. Below, the joint loss weighs it against one,
which keeps images sharp, in the game of the networks' family: for the paper's W-DCGANs that is WGAN-GP. The
paper gives no α. Ours is 1, because brief trainings go furthest without a critic (docs/compressing-gans.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.errors import RecipeError
from distill.losses import pixel_mse
from distill.recipes.adversarial import Wasserstein
from distill.recipes.base import Adversarial, Distillation, GeneratorStep, Ingredients, Terms
from distill.schedules import Schedule

MEAN_SQUARE = Schedule("constant", start=1.0)


@dataclass(frozen=True)
class CompressingGans(Distillation):
    """`L_G = (1 - α)·ℓ(D(G(z))) + α·mean((G(z) - T(z))²)`, α being the schedule's weight.

    `ℓ` is the generator's loss in the game: `-D` for a Wasserstein critic, as in the paper.

    Raises:
        RecipeError: α leaves [0, 1], or follows logits that have no sign.
    """

    schedule: Schedule = field(default_factory=lambda: MEAN_SQUARE)
    adversarial: Adversarial = field(default_factory=Wasserstein)

    name: ClassVar = "compressing-gans"
    usual: ClassVar = MEAN_SQUARE
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _, highest = self.schedule.bounds
        if highest > 1:
            raise RecipeError(
                f"KD weight {highest:g}: {self.name} shares its loss out by it, give --kd-weight-start and "
                "--kd-weight-end from 0 to 1"
            )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial)

    @property
    def discriminator_steps(self) -> int:
        return self.adversarial.discriminator_steps if self._has_critic else 0

    @property
    def _has_critic(self) -> bool:
        lowest, _ = self.schedule.bounds
        return lowest < 1

    def generator_terms(self, step: GeneratorStep) -> Terms:
        weight = 0.0 if step.teacher_images is None else step.kd_weight
        terms: Terms = {}
        if self._has_critic:
            adversarial = self.adversarial.generator_losses(step.logits).mean()
            terms["g_adversarial"] = (1 - weight) * adversarial
        if step.teacher_images is not None and weight > 0:
            terms["g_mse"] = weight * pixel_mse(step.fake, step.teacher_images)
        return terms
