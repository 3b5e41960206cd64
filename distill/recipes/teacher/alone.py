"""Adversarial training without a teacher: it trains teachers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from distill.adversarial import AdversarialLoss, DiscriminatorStep, Logistic, Terms
from distill.recipes.base import GeneratorStep
from distill.recipes.teacher.path_lengths import PathLengths
from search_spaces import Generator


@dataclass(frozen=True)
class AdversarialTraining:
    """The adversarial loss alone; generators with styles add path lengths (arXiv 1912.04958)."""

    adversarial: AdversarialLoss = field(default_factory=lambda: Logistic(r1_gamma=10.0))
    paths: PathLengths = field(default_factory=PathLengths)

    name: ClassVar = "adversarial"
    needs_teacher_images: ClassVar = False
    needs_teacher_discriminator: ClassVar = False
    needs_maps: ClassVar = False

    def discriminator_steps(self, progress: float) -> int:
        return self.adversarial.discriminator_steps

    @property
    def needs_styles(self) -> bool:
        return self.paths.weight > 0

    @property
    def needs_real_logits(self) -> bool:
        return self.adversarial.needs_real_logits

    @property
    def needs_gap(self) -> bool:
        return False

    def kd_weight(self, progress: float, gap: float) -> float:
        return 0.0

    def stage(self, progress: float) -> int:
        return 0

    def adversarial_weight(self, progress: float) -> float:
        return 1.0

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        return nn.ModuleDict()

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return self.adversarial.discriminator_terms(step)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        return {
            "g_adversarial": self.adversarial.generator_losses(step.logits, step.real_logits).mean(),
            **self.paths.terms(step),
        }
