"""The relativistic pairing loss with R1 and R2 (R3GAN, Huang et al., NeurIPS 2024, arXiv 2501.05441)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from distill.adversarial.base import DiscriminatorStep, Terms
from distill.losses import discriminator_relativistic, generator_relativistic, r1_penalty
from search_spaces import full_precision


@dataclass(frozen=True)
class Relativistic:
    """`softplus(D(fake) - D(real)) + γ/2·(R1 + R2)`, in every step as published.

    The generator minimises `softplus(D(real) - D(fake))`. Both penalties are of second order, so images are
    scored in float32. At γ = 0 there are none.
    """

    name: ClassVar = "relativistic"
    sign_classifies: ClassVar[bool] = False  # only differences of logits have a meaning
    uses_r1: ClassVar[bool] = True
    needs_real_logits: ClassVar[bool] = True
    default_discriminator_steps: ClassVar[int] = 1
    r1_gamma: float = 0.3  # of both penalties
    discriminator_steps: int = 1

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        return cls(r1_gamma or 0.0, discriminator_steps=discriminator_steps)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        if self.r1_gamma == 0:
            return {"d_adversarial": discriminator_relativistic(*step.logits())}
        real, fake = (x.detach().requires_grad_(True) for x in (step.real, step.fake))
        with full_precision(real):
            exact = replace(
                step,
                discriminator=step.twice_differentiable,
                batch=replace(step.batch, real=real),
                fake=fake,
            )
            real_logits, fake_logits = exact.logits()
            weight = self.r1_gamma / 2
            return {
                "d_adversarial": discriminator_relativistic(real_logits, fake_logits),
                "d_r1": r1_penalty(real, real_logits) * weight,
                "d_r2": r1_penalty(fake, fake_logits) * weight,
            }

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        assert real_logits is not None  # see `needs_real_logits`
        return generator_relativistic(logits, real_logits)
