"""Weight-decay knowledge distillation (Liu 2024): adversarial training plus fading similarity.

The weights and losses of the thesis are not published. Ours are the L1 of images, the L1 of the teacher's
discriminator features, and a perceptual distance if the user has one (L1 3 + LPIPS 3 are
common without decay).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch

from distill.adversarial import AdversarialLoss, Logistic, Terms
from distill.errors import RecipeError
from distill.losses import feature_l1, pixel_l1
from distill.perceptual import PerceptualDistance
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.schedules import Ramp, Schedule


@dataclass(frozen=True)
class WeightDecay(Distillation):
    """`L_G = a(t)·adversarial + w(t)·(pixel·L1 + feature·L1 in the teacher's D + perceptual·distance)`.

    Raises:
        RecipeError: neither weight trains the student at the start.
    """

    schedule: Schedule = field(default_factory=Schedule)
    adversarial: AdversarialLoss = field(default_factory=Logistic)
    ramp: Ramp = field(default_factory=Ramp)
    pixel: float = 1.0
    feature: float = 1.0  # without effect when the teacher has no discriminator
    perceptual: float = 1.0  # without effect when there is no `distance`
    distance: PerceptualDistance | None = None

    name: ClassVar = "weight-decay"
    default_schedule: ClassVar = Schedule()
    default_schedule_on_digits: ClassVar = Schedule(start=6.0)
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False
    uses_distance: ClassVar = True
    uses_ramp: ClassVar = True
    default_ramp: ClassVar = Ramp(begin=0.75, full=1.0, weight=0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ramp.begin > 0 and self.schedule(0.0) == 0:
            raise RecipeError(
                f"--adversarial-start {self.ramp.begin:g} with a KD weight of 0 at the start: nothing would "
                "train the student: give --adversarial-start 0, or a --kd-weight-start above 0"
            )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial, ingredients.ramp, distance=ingredients.distance)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms: Terms = {}
        if step.adversarial_weight > 0:
            adversarial = self.adversarial.generator_losses(step.logits).mean()
            terms["g_adversarial"] = step.adversarial_weight * adversarial
        teacher = step.batch.teacher
        if step.kd_weight == 0 or teacher is None:
            return terms
        terms["g_pixel"] = step.kd_weight * self.pixel * pixel_l1(step.fake, teacher)
        if self.distance is not None and self.perceptual > 0:
            distance = self.distance(step.fake, teacher)
            terms["g_perceptual"] = step.kd_weight * self.perceptual * distance
        if step.teacher_discriminator is not None and self.feature > 0:
            with torch.no_grad():
                target = step.teacher_discriminator.features(teacher)
            features = step.teacher_discriminator.features(step.fake)
            terms["g_feature"] = step.kd_weight * self.feature * feature_l1(features, target)
        return terms
