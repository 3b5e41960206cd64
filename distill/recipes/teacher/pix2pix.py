"""Training of a paired translator without a teacher (pix2pix, arXiv 1611.07004): it trains teachers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from distill.adversarial import Terms
from distill.losses import pixel_l1
from distill.recipes.base import GeneratorStep
from distill.recipes.teacher.alone import AdversarialTraining


@dataclass(frozen=True)
class Pix2Pix(AdversarialTraining):
    """The adversarial loss, and 100 times the L1 to the ground truth."""

    pixel: float = 100.0

    name: ClassVar = "pix2pix"

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = super().generator_terms(step)
        assert step.batch.target is not None
        return terms | {"g_pixel": self.pixel * pixel_l1(step.fake, step.batch.target)}
