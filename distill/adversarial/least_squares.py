"""The least-squares loss (LSGAN), as CycleGAN and pix2pix train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from distill.adversarial.base import DiscriminatorStep, Terms
from distill.losses import discriminator_least_squares, generator_least_squares


@dataclass(frozen=True)
class LeastSquares:
    """`½·(D(real) - 1)² + ½·D(fake)²`; the generator minimises `(D(fake) - 1)²` (factors of CycleGAN)."""

    name: ClassVar = "least-squares"
    sign_classifies: ClassVar[bool] = False  # real is 1 and generated is 0: the verdict turns at ½
    uses_r1: ClassVar[bool] = False
    needs_real_logits: ClassVar[bool] = False
    default_discriminator_steps: ClassVar[int] = 1
    discriminator_steps: int = 1

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        return cls(discriminator_steps)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return {"d_adversarial": discriminator_least_squares(*step.logits())}

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return generator_least_squares(logits)
