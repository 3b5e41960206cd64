"""OMGD's terms (Ren et al., arXiv 2108.06908), for translators: a student without a discriminator.

The paper's teachers are trained along with the student; here the teacher is a file, or the snapshots of its
training. Published weights of style and features go with VGG16, which has to be downloaded; they are compared
in the networks that are at hand, in units of the teacher's, with weights of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.adversarial import AdversarialLoss, LeastSquares, Terms
from distill.losses import ssim, total_variation
from distill.perceptual import FeatureMaps
from distill.recipes.base import CONSTANT, GeneratorStep, Ingredients
from distill.recipes.style import StyleDistillation
from distill.schedules import Schedule


@dataclass(frozen=True)
class Omgd(StyleDistillation):
    """`L_G = w(t)·(10·(1 - SSIM) + style + features + TV)`, to the teacher's images.

    Raises:
        RecipeError: the weight falls to 0, where nothing would train the student.
    """

    schedule: Schedule = field(default_factory=lambda: CONSTANT)
    adversarial: AdversarialLoss = field(default_factory=LeastSquares)
    structure: float = 10.0
    style: float = 3.0
    features: float = 4.0
    variation: float = 2.0  # published: 1e-5 of the sum over an image of 3 × 256 × 256 values
    maps: FeatureMaps | None = None  # None: the teacher's discriminator

    name: ClassVar = "omgd"
    uses_adversarial: ClassVar = False

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial, maps=ingredients.maps)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        teacher = step.batch.teacher
        terms: Terms = {"variation": self.variation * total_variation(step.fake)}
        if teacher is not None:
            terms["structure"] = self.structure * (1 - ssim(step.fake, teacher))
            terms |= self.compared(step, teacher)
        return self.weighted(step, terms)
