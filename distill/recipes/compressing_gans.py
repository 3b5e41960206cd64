"""Compressing GANs (Aguinaldo et al., arXiv 1902.00159): the teacher's image for the same z, in mean square.

The joint loss weighs it against a WGAN-GP critic, which keeps images sharp; with α = 1 it is the mean square
alone, and no critic is trained. The paper gives no α: ours is a half.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.errors import RecipeError
from distill.losses import pixel_mse
from distill.recipes.adversarial import Wasserstein
from distill.recipes.base import GeneratorStep, Played, Terms, Tools
from distill.schedules import Schedule

JOINT = Schedule("constant", start=0.5)


@dataclass(frozen=True)
class CompressingGans(Played):
    """`L_G = -(1 - α)·D(G(z)) + α·mean((G(z) - T(z))²)`, α being the schedule's weight.

    Raises:
        RecipeError: α leaves [0, 1].
    """

    schedule: Schedule = field(default_factory=lambda: JOINT)
    adversarial: Wasserstein = field(default_factory=Wasserstein)

    name: ClassVar = "compressing-gans"
    usual: ClassVar = JOINT
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False

    def __post_init__(self) -> None:
        highest = max(self.schedule.start, self.schedule.end)
        if highest > 1:
            raise RecipeError(
                f"KD weight {highest:g}: {self.name} shares its loss out by it, give a --kd-start from 0 to 1"
            )

    @classmethod
    def make(cls, schedule: Schedule, tools: Tools) -> Self:
        return cls(schedule)

    @property
    def critic_steps(self) -> int:
        return self.adversarial.critic_steps if self._has_critic else 0

    @property
    def _has_critic(self) -> bool:
        return self.schedule.shape != "constant" or self.schedule.start < 1

    def generator_terms(self, step: GeneratorStep) -> Terms:
        weight = 0.0 if step.teacher_images is None else step.kd_weight
        terms: Terms = {}
        if self._has_critic:
            adversarial = self.adversarial.generator_losses(step.logits).mean()
            terms["g_adversarial"] = (1 - weight) * adversarial
        if step.teacher_images is not None and weight > 0:
            terms["g_mse"] = weight * pixel_mse(step.fake, step.teacher_images)
        return terms
