"""stuStarGAN (Sun, Zeng, Ma 2024): a StarGAN's student, distilled from low- and high-level features.

Of the paper only the abstract is public: students are distilled from low- and high-level features, a student
discriminator from the teacher's, with skip connections across modules and depthwise-separable convolutions
(both in the StarGAN space), and with a content loss between output and input. What the features are, how they
are compared, and every weight is ours; the features follow Chen et al. (arXiv 2003.03519).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from distill.adversarial import AdversarialLoss, DiscriminatorStep, Terms, Wasserstein
from distill.losses import feature_l1, pixel_l1
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.recipes.teacher import classified, real_attributes, wanted_attributes, way_back
from distill.schedules import Schedule
from distill.tasks import AttributesTask

CONTENT_SHRINKS = 4  # the content loss compares at a quarter of the side


@dataclass(frozen=True)
class StuStarGan(Distillation):
    """`L_G = ℓ(D(y)) + attributes + 10·cycle + w(t)·(10·L1 + features) + content`, with `y = G(x, c)`.

    The L1 is to the teacher's image, features are those of the teacher's discriminator, and `w` is the
    schedule's weight. The discriminator also learns the teacher's attributes and features, with weight 1.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(end=0.3))
    adversarial: AdversarialLoss = field(default_factory=Wasserstein)
    cycle: float = 10.0
    low: float = 10.0
    high: float = 1.0
    content: float = 1.0
    discriminator: float = 1.0

    name: ClassVar = "stu-stargan"
    tasks: ClassVar = (AttributesTask.name,)
    default_schedule: ClassVar = Schedule(end=0.3)
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = True

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        terms = super().discriminator_terms(step) | real_attributes(step)
        teacher = step.teacher_discriminator
        if teacher is None:
            return terms
        images = torch.cat([step.real, step.fake])
        with torch.no_grad():
            known, maps = classified(teacher, images).sigmoid(), teacher.features(images)
        own = step.twice_differentiable
        attributes = F.binary_cross_entropy_with_logits(classified(own, images), known)
        features = feature_l1(own.features(images), maps)
        return terms | {"d_teacher": self.discriminator * (attributes + features)}

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits, step.real_logits).mean()}
        terms |= wanted_attributes(step) | way_back(step, self.cycle)
        image, _ = step.batch.inputs
        terms["g_content"] = self.content * pixel_l1(_shrunk(step.fake), _shrunk(image))
        teacher, judge = step.batch.teacher, step.teacher_discriminator
        if step.kd_weight == 0 or teacher is None:
            return terms
        terms["g_low"] = step.kd_weight * self.low * pixel_l1(step.fake, teacher)
        if judge is not None:
            with torch.no_grad():
                wanted = judge.features(teacher)
            terms["g_high"] = step.kd_weight * self.high * feature_l1(judge.features(step.fake), wanted)
        return terms


def _shrunk(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, CONTENT_SHRINKS)
