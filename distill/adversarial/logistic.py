"""The non-saturating logistic loss with lazy R1, as StyleGAN2 trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from distill.adversarial.base import DiscriminatorStep, Terms
from distill.losses import discriminator_logistic, generator_logistic, r1_penalty
from search_spaces import full_precision


@dataclass(frozen=True)
class Logistic:
    """`softplus(D(fake)) + softplus(-D(real))`, and in every `r1_every`-th step `r1_every · γ/2·R1`.

    R1 is of second order, so its step scores real images in float32. With augmentation, R1 is the penalty at
    the augmented images. At γ = 0 there is none.
    """

    name: ClassVar = "logistic"
    sign_classifies: ClassVar[bool] = True
    uses_r1: ClassVar[bool] = True
    needs_real_logits: ClassVar[bool] = False
    default_discriminator_steps: ClassVar[int] = 1
    r1_gamma: float = 0.3
    r1_every: int = 16  # steps between lazy R1 regularisations (StyleGAN2, appendix B)
    discriminator_steps: int = 1

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        return cls(r1_gamma or 0.0, discriminator_steps=discriminator_steps)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        regularise = self.r1_gamma > 0 and step.step % self.r1_every == 0
        real = step.real.detach().requires_grad_(regularise)
        if regularise:
            with full_precision(real):
                logits = step.twice_differentiable(real, *step.batch.real_condition)
        else:
            logits = step.discriminator(real, *step.batch.real_condition)
        step.observe(logits.detach())
        fake_logits = step.discriminator(step.fake, *step.batch.fake_condition)
        terms = {"d_adversarial": discriminator_logistic(logits, fake_logits)}
        if regularise:
            with full_precision(real):
                terms["d_r1"] = r1_penalty(real, logits) * (self.r1_gamma / 2 * self.r1_every)
        return terms

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return generator_logistic(logits)
