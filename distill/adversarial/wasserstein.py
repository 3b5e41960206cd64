"""The Wasserstein loss with gradient penalty (WGAN-GP), as W-DCGAN and StarGAN train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.adversarial.base import DiscriminatorStep, Terms
from distill.losses import discriminator_wasserstein, generator_linear, gradient_penalty
from search_spaces import full_precision


@dataclass(frozen=True)
class Wasserstein:
    """`D(fake) - D(real)`, with a penalty on gradients between real and generated images (WGAN-GP)."""

    name: ClassVar = "wasserstein"
    sign_classifies: ClassVar[bool] = False  # a critic's output has no zero point
    uses_r1: ClassVar[bool] = False
    needs_real_logits: ClassVar[bool] = False
    default_discriminator_steps: ClassVar[int] = 5
    penalty: float = 10.0
    discriminator_steps: int = 5

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        return cls(discriminator_steps=discriminator_steps)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        logits, fake_logits = step.logits()
        with full_precision(step.real):
            where = torch.rand(len(step.real), 1, 1, 1, device=step.real.device)
            between = step.real.lerp(step.fake, where).detach().requires_grad_(True)
            there = step.twice_differentiable(between, *step.batch.real_condition)
            penalty = gradient_penalty(between, there) * self.penalty
        return {"d_adversarial": discriminator_wasserstein(logits, fake_logits), "d_penalty": penalty}

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return generator_linear(logits)
