"""CRD: content relationships of images (You et al., arXiv 2212.11091), for translators.

A student's rows, columns and patches of pixels shall relate to each other as its teacher's do; style (Gram
matrices) and features of a frozen network are compared, and the teacher's discriminator judges: the student
has none of its own. Published weights go with VGG16, which has to be downloaded; in the networks that are at
hand style and features are compared in units of the teacher's, with weights of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.adversarial import AdversarialLoss, LeastSquares, Terms
from distill.errors import RecipeError
from distill.losses import PARTS, feature_l1, gram_l1, relation_loss
from distill.perceptual import FeatureMaps
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.schedules import Schedule
from distill.tasks import PairedTask, UnpairedTask
from search_spaces import Inputs

CONSTANT = Schedule("constant", start=1.0)


@dataclass(frozen=True)
class Crd(Distillation):
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
    tasks: ClassVar = (UnpairedTask.name, PairedTask.name)
    default_schedule: ClassVar = CONSTANT
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False
    uses_maps: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schedule.bounds[0] == 0:
            raise RecipeError(
                f"KD weight {self.schedule}: at 0 nothing would train a student of --recipe {self.name}: "
                "give --kd-weight-start and --kd-weight-end above 0"
            )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial, maps=ingredients.maps)

    def discriminator_steps(self, progress: float) -> int:
        return 0

    def generator_terms(self, step: GeneratorStep) -> Terms:
        teacher, discriminator = step.batch.teacher, step.teacher_discriminator
        terms: Terms = {}
        if teacher is not None:
            weight = self.relations if step.batch.target is None else self.paired_relations
            for name, parts in PARTS.items():
                terms[name] = weight * relation_loss(parts(step.fake), parts(teacher))
            terms |= self._features(step, teacher)
        if discriminator is not None and step.batch.target is None:
            logits = discriminator(step.fake, *step.batch.fake_condition)
            terms["adversarial"] = self.adversarial.generator_losses(logits).mean()
        return {f"g_{name}": step.kd_weight * term for name, term in terms.items()}

    def _features(self, step: GeneratorStep, teacher: Tensor) -> Terms:
        """Style, and the features at a quarter of the images' side (relu2_2 of VGG16 is at a half)."""
        discriminator = step.teacher_discriminator
        maps: Callable[..., list[Tensor]]
        condition: Inputs = ()
        if self.maps is not None:
            maps = self.maps
        elif discriminator is not None:
            maps = discriminator.features
            condition = step.batch.fake_condition if discriminator.takes_input_image else ()
        else:
            return {}
        with torch.no_grad():
            wanted = maps(teacher, *condition)
        made = maps(step.fake, *condition)
        return {
            "style": self.style * gram_l1(made, wanted),
            "features": self.features * feature_l1(made[1:2], wanted[1:2]),
        }
