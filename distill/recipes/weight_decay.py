"""Weight-decay knowledge distillation (Liu 2024): adversarial training plus fading similarity.

The thesis' weights and losses are not published: L1 of images plus L1 of the teacher's discriminator features
is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from distill.losses import discriminator_logistic, feature_l1, generator_logistic, pixel_l1, r1_penalty
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Terms
from distill.schedules import Schedule


@dataclass(frozen=True)
class WeightDecay:
    """`L_G = softplus(-D(G(z))) + w(t)·(pixel·L1 + feature·L1 in the teacher's discriminator)`."""

    schedule: Schedule = field(default_factory=Schedule)
    pixel: float = 1.0
    feature: float = 1.0  # without effect when the teacher has no discriminator
    r1_gamma: float = 0.3
    r1_every: int = 16  # steps between lazy R1 regularisations (StyleGAN2, appendix B)

    name = "weight-decay"

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        regularise = step.step % self.r1_every == 0
        real = step.real.detach().requires_grad_(regularise)
        logits = step.discriminator(real)
        terms = {"d_adversarial": discriminator_logistic(logits, step.discriminator(step.fake))}
        if regularise:
            terms["d_r1"] = r1_penalty(real, logits) * (self.r1_gamma / 2 * self.r1_every)
        return terms

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": generator_logistic(step.logits)}
        if step.kd_weight == 0 or step.teacher_images is None:
            return terms
        terms["g_pixel"] = step.kd_weight * self.pixel * pixel_l1(step.fake, step.teacher_images)
        if step.teacher_discriminator is not None and self.feature > 0:
            with torch.no_grad():
                target = step.teacher_discriminator.features(step.teacher_images)
            features = step.teacher_discriminator.features(step.fake)
            terms["g_feature"] = step.kd_weight * self.feature * feature_l1(features, target)
        return terms
