"""GAN Compression's distillation (Li et al., arXiv 2003.08936, section 3.1), for translators.

Feature maps of the student become the teacher's through 1×1 convolutions that are trained along; the student
has a discriminator of its own, and its images are the teacher's, or the ground truth where that is known.
The paper's search by a once-for-all network is not in here: that is what the search space is for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill.adversarial import AdversarialLoss, LeastSquares, Terms
from distill.losses import pixel_l1
from distill.recipes.base import CONSTANT, Distillation, GeneratorStep, Ingredients, compared_maps
from distill.schedules import Schedule
from distill.tasks import PairedTask, UnpairedTask
from search_spaces import Generator


@dataclass(frozen=True)
class GanCompression(Distillation):
    """`L_G = ℓ(D(G(x))) + w(t)·(10·L1 + 0.01·Σ ‖f(maps) - teacher's maps‖²)`, squares in the mean.

    The L1 is to the ground truth (`Batch.target`) where there is one, else to the teacher's image. Weights
    are those of the public code for horse2zebra and maps.
    """

    schedule: Schedule = field(default_factory=lambda: CONSTANT)
    adversarial: AdversarialLoss = field(default_factory=LeastSquares)
    reconstruction: float = 10.0
    maps: float = 0.01

    name: ClassVar = "gan-compression"
    tasks: ClassVar = (UnpairedTask.name, PairedTask.name)
    default_schedule: ClassVar = CONSTANT
    needs_teacher_images: ClassVar = True
    needs_teacher_discriminator: ClassVar = False
    needs_maps: ClassVar = True

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial)

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        """A 1×1 convolution from every compared map of the student to the teacher's."""
        if teacher is None:
            return nn.ModuleDict()
        pairs = zip(*compared_maps(student, teacher), strict=True)
        return nn.ModuleDict(
            {f"map_{i}": nn.Conv2d(own.shape[1], known.shape[1], 1) for i, (own, known) in enumerate(pairs)}
        )

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits, step.real_logits).mean()}
        wanted = step.batch.teacher if step.batch.target is None else step.batch.target
        if step.kd_weight == 0 or wanted is None:
            return terms
        terms["g_reconstruction"] = step.kd_weight * self.reconstruction * pixel_l1(step.fake, wanted)
        if step.modules:
            terms["g_maps"] = step.kd_weight * self.maps * self._distance(step)
        return terms

    def _distance(self, step: GeneratorStep) -> Tensor:
        """The squared distances of maps, a mean each, added."""
        own, known = step.maps
        pairs = zip(step.modules.values(), own, known, strict=True)
        return torch.stack([F.mse_loss(module(x).float(), y.float()) for module, x, y in pairs]).sum()
