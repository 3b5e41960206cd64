"""What recipes for translators without a discriminator have in common: style and features of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from distill.adversarial import Terms
from distill.errors import RecipeError
from distill.losses import feature_l1, gram_l1
from distill.perceptual import FeatureMaps
from distill.recipes.base import CONSTANT, Distillation, GeneratorStep
from distill.tasks import PairedTask, UnpairedTask
from search_spaces import Inputs


class StyleDistillation(Distillation):
    """A recipe that compares Gram matrices and features of images, and trains no discriminator.

    Raises:
        RecipeError: the weight falls to 0, where nothing would train the student.
    """

    style: float
    features: float
    maps: FeatureMaps | None  # None: the teacher's discriminator

    tasks: ClassVar = (UnpairedTask.name, PairedTask.name)
    default_schedule: ClassVar = CONSTANT
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False
    uses_maps: ClassVar = True
    trains_discriminator: ClassVar = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schedule.bounds[0] == 0:
            raise RecipeError(
                f"KD weight {self.schedule}: at 0 nothing would train a student of --recipe {self.name}: "
                "give --kd-weight-start and --kd-weight-end above 0"
            )

    def discriminator_steps(self, progress: float) -> int:
        return 0

    def compared(self, step: GeneratorStep, teacher: Tensor) -> Terms:
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

    def weighted(self, step: GeneratorStep, terms: Terms) -> Terms:
        """`terms` under the KD weight, named as the student's."""
        return {f"g_{name}": step.kd_weight * term for name, term in terms.items()}
