"""CRD: content relationships of images (You et al., arXiv 2212.11091), for translators.

A student's rows, columns and patches of pixels shall relate to each other as its teacher's do; style (Gram
matrices) and features of a frozen network are compared, and the teacher's discriminator judges: the student
has none of its own. Published weights go with VGG16, which has to be downloaded; in the networks that are at
hand style and features are compared in units of the teacher's, with weights of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from distill.adversarial import AdversarialLoss, LeastSquares, Terms
from distill.losses import PARTS, relation_loss
from distill.perceptual import FeatureMaps
from distill.recipes.base import CONSTANT, GeneratorStep, Ingredients
from distill.recipes.style import StyleDistillation
from distill.schedules import Schedule


@dataclass(frozen=True)
class Crd(StyleDistillation):
    """`L_G = w(t)·(relations + style + features + ℓ(D̄(G(x))))`, `D̄` being the teacher's discriminator.

    Where the ground truth is known (`Batch.target`), there is no adversarial term and relations weigh 10,
    as published for pix2pix; else they weigh 25, as for CycleGAN.

    Raises:
        RecipeError: the weight falls to 0, where nothing would train the student.
    """

    schedule: Schedule = field(default_factory=lambda: CONSTANT)
    adversarial: AdversarialLoss = field(default_factory=LeastSquares)
    relations: float = 25.0
    paired_relations: float = 10.0  # published: 2.5, summed over a batch of 4
    style: float = 3.0
    features: float = 4.0
    maps: FeatureMaps | None = None  # None: the teacher's discriminator

    name: ClassVar = "crd"

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial, maps=ingredients.maps)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        teacher, discriminator = step.batch.teacher, step.teacher_discriminator
        terms: Terms = {}
        if teacher is not None:
            weight = self.relations if step.batch.target is None else self.paired_relations
            for name, parts in PARTS.items():
                terms[name] = weight * relation_loss(parts(step.fake), parts(teacher))
            terms |= self.compared(step, teacher)
        if discriminator is not None and step.batch.target is None:
            logits = discriminator(step.fake, *step.batch.fake_condition)
            terms["adversarial"] = self.adversarial.generator_losses(logits).mean()
        return self.weighted(step, terms)
