"""Weight-decay knowledge distillation (Liu 2024): adversarial training plus fading similarity.

The weights and losses of the thesis are not published. Ours are the L1 of images, the L1 of the teacher's
discriminator features, and a perceptual distance where there is one (L1 3 + LPIPS 3 are common without
decay). The high bands of a wavelet transform and the distance of distributions are off by default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.adversarial import AdversarialLoss, Logistic, Terms
from distill.errors import RecipeError
from distill.losses import feature_l1, pixel_l1, squared_mmd, wavelet_l1
from distill.perceptual import ImageFeatures, PerceptualDistance
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.recipes.similarity import SIMILARITY
from distill.schedules import Ramp, Schedule


@dataclass(frozen=True)
class WeightDecay(Distillation):
    """`L_G = a(t)·adversarial + w(t)·similarity`, the latter a weighted sum of the terms in `SIMILARITY`.

    Raises:
        RecipeError: at some time both weights are 0, so that nothing trains the student.
    """

    schedule: Schedule = field(default_factory=Schedule)
    adversarial: AdversarialLoss = field(default_factory=Logistic)
    ramp: Ramp = field(default_factory=Ramp)
    pixel: float = SIMILARITY["pixel"]
    feature: float = SIMILARITY["feature"]  # without effect when the teacher has no discriminator
    perceptual: float = SIMILARITY["perceptual"]  # without effect when there is no `distance`
    wavelet: float = SIMILARITY["wavelet"]
    mmd: float = SIMILARITY["mmd"]  # without effect when there are no `features`
    distance: PerceptualDistance | None = None
    features: ImageFeatures | None = None

    name: ClassVar = "weight-decay"
    default_schedule: ClassVar = Schedule(end=0.3)  # at 0, training on photographs undoes what was learned
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False
    uses_distance: ClassVar = True
    uses_ramp: ClassVar = True
    default_ramp: ClassVar = Ramp(begin=0.75, full=1.0, weight=0.1)
    default_ramp_at_once: ClassVar = Ramp(weight=0.3)
    uses_similarity: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for progress in (0.0, self.schedule.finish):
            if progress < 1 and self.ramp(progress) == self.schedule(progress) == 0:
                raise RecipeError(
                    f"KD weight {self.schedule}; adversarial weight {self.ramp}: at {progress:.0%} of the "
                    "training both are 0, and nothing would train the student: give --kd-weight-start and "
                    "--kd-weight-end above 0, or --adversarial-weight above 0 from the start "
                    "(--adversarial-start 0 --adversarial-full 0)"
                )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(
            schedule,
            ingredients.adversarial,
            ingredients.ramp,
            distance=ingredients.distance,
            features=ingredients.features,
            **ingredients.similarity,
        )

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms: Terms = {}
        if step.adversarial_weight > 0:
            adversarial = self.adversarial.generator_losses(step.logits, step.real_logits).mean()
            terms["g_adversarial"] = step.adversarial_weight * adversarial
        teacher = step.batch.teacher
        if step.kd_weight == 0 or teacher is None:
            return terms
        similarity = self._similarity(step, teacher)
        return terms | {f"g_{name}": step.kd_weight * term for name, term in similarity.items()}

    def _similarity(self, step: GeneratorStep, teacher: Tensor) -> Terms:
        """The terms that have a weight, weighted, of the student's and its teacher's images."""
        terms: Terms = {}
        fake, judge = step.fake, step.teacher_discriminator
        if self.pixel > 0:
            terms["pixel"] = self.pixel * pixel_l1(fake, teacher)
        if self.distance is not None and self.perceptual > 0:
            terms["perceptual"] = self.perceptual * self.distance(fake, teacher)
        if judge is not None and self.feature > 0:
            inputs = step.batch.fake_condition if judge.takes_input_image else ()
            with torch.no_grad():
                target = judge.features(teacher, *inputs)
            terms["feature"] = self.feature * feature_l1(judge.features(fake, *inputs), target)
        if self.wavelet > 0:
            terms["wavelet"] = self.wavelet * wavelet_l1(fake, teacher)
        if self.features is not None and self.mmd > 0:
            with torch.no_grad():
                known = self.features(teacher)
            terms["mmd"] = self.mmd * squared_mmd(self.features(fake), known)
        return terms
