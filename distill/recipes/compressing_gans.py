"""Compressing GANs (Aguinaldo et al., arXiv 1902.00159): the squared distance to the teacher's image.

The paper's α weighs the critic: the joint loss is `α·critic + (1 - α)·‖T(z) - G(z)‖²`, so that α = 0 is the
distance alone, without a critic. The KD weight, the weight of the teacher's term as in all recipes, is 1 - α.
The distance is a squared norm: summed over an image's values, a mean over images. The paper gives no α. Ours
is 0, the distance alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.adversarial import AdversarialLoss, Terms, Wasserstein
from distill.errors import RecipeError
from distill.losses import squared_norm
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.schedules import Schedule
from distill.tasks import NoiseTask

DISTANCE_ALONE = Schedule("constant", start=1.0)


@dataclass(frozen=True)
class CompressingGans(Distillation):
    """`L_G = (1 - w)·ℓ(D(G(z))) + w·‖T(z) - G(z)‖²`, `w` being the schedule's weight and 1 - w the paper's α.

    `ℓ` is the generator's adversarial loss: `-D` for a Wasserstein critic, as in the paper.

    Raises:
        RecipeError: α leaves [0, 1], or the schedule needs a sign of logits that the loss does not define.
    """

    schedule: Schedule = field(default_factory=lambda: DISTANCE_ALONE)
    adversarial: AdversarialLoss = field(default_factory=Wasserstein)

    name: ClassVar = "compressing-gans"
    default_schedule: ClassVar = DISTANCE_ALONE
    weight_means: ClassVar = "1 - α, where the paper's α weighs the critic"
    revision: ClassVar = 2  # 1 had a mean over pixels
    tasks: ClassVar = (NoiseTask.name,)
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _, highest = self.schedule.bounds
        if highest > 1:
            raise RecipeError(
                f"KD weight {highest:g} would be α = {1 - highest:g}: {self.name} minimises α·critic + "
                "(1 - α)·‖T(z) - G(z)‖², the paper's α in [0, 1] being the critic's weight, and the KD "
                "weight is 1 - α: give --kd-weight-start and --kd-weight-end from 0 to 1"
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
            terms["g_distance"] = weight * squared_norm(step.fake, teacher)
        return terms
