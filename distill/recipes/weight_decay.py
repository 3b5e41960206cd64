"""Weight-decay knowledge distillation (Liu 2024): adversarial training plus fading similarity.

The thesis' weights and losses are not published: L1 of images plus L1 of the teacher's discriminator features
is ours, and a perceptual distance where the user has one (L1 3 + LPIPS 3 are common weights undecayed).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from distill.losses import PerceptualDistance, feature_l1, generator_logistic, pixel_l1
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Terms
from distill.recipes.logistic import logistic_terms
from distill.schedules import Schedule


@dataclass(frozen=True)
class WeightDecay:
    """`L_G = softplus(-D(G(z))) + w(t)·(pixel·L1 + feature·L1 in the teacher's D + perceptual·distance)`."""

    schedule: Schedule = field(default_factory=Schedule)
    pixel: float = 1.0
    feature: float = 1.0  # without effect when the teacher has no discriminator
    perceptual: float = 1.0  # without effect when there is no `distance`
    distance: PerceptualDistance | None = None
    r1_gamma: float = 0.3
    r1_every: int = 16  # steps between lazy R1 regularisations (StyleGAN2, appendix B)

    name = "weight-decay"

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return logistic_terms(step, self.r1_gamma, self.r1_every)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": generator_logistic(step.logits)}
        if step.kd_weight == 0 or step.teacher_images is None:
            return terms
        terms["g_pixel"] = step.kd_weight * self.pixel * pixel_l1(step.fake, step.teacher_images)
        if self.distance is not None and self.perceptual > 0:
            distance = self.distance(step.fake, step.teacher_images)
            terms["g_perceptual"] = step.kd_weight * self.perceptual * distance
        if step.teacher_discriminator is not None and self.feature > 0:
            with torch.no_grad():
                target = step.teacher_discriminator.features(step.teacher_images)
            features = step.teacher_discriminator.features(step.fake)
            terms["g_feature"] = step.kd_weight * self.feature * feature_l1(features, target)
        return terms
