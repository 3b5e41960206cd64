"""The hinge loss, as BigGAN trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from distill.adversarial.base import DiscriminatorStep, Terms
from distill.losses import discriminator_hinge, generator_linear


@dataclass(frozen=True)
class Hinge:
    """`relu(1 - D(real)) + relu(1 + D(fake))`, for discriminators with spectral normalisation."""

    name: ClassVar = "hinge"
    sign_classifies: ClassVar[bool] = True
    uses_r1: ClassVar[bool] = False
    needs_real_logits: ClassVar[bool] = False
    default_discriminator_steps: ClassVar[int] = 1
    discriminator_steps: int = 1

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        return cls(discriminator_steps)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return {"d_adversarial": discriminator_hinge(*step.logits())}

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return generator_linear(logits)
