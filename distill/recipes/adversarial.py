"""Games that recipes are played in: what the two networks minimise, and how the critic is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from distill.losses import (
    discriminator_hinge,
    discriminator_logistic,
    discriminator_wasserstein,
    generator_critic,
    generator_logistic,
    gradient_penalty,
    r1_penalty,
)
from distill.recipes.base import Adversarial, DiscriminatorStep, Terms
from search_spaces import full_precision


@dataclass(frozen=True)
class Logistic:
    """`softplus(D(fake)) + softplus(-D(real))`, and every `r1_every` steps as many times `γ/2·R1`.

    R1 is of second order, so the step that has it scores real images in float32. With augmentation it is
    taken at the augmented images, the ones that the discriminator knows.
    """

    name: ClassVar = "logistic"
    decides: ClassVar[bool] = True
    r1_gamma: float = 0.3
    r1_every: int = 16  # steps between lazy R1 regularisations (StyleGAN2, appendix B)
    discriminator_steps: int = 1

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        regularise = step.step % self.r1_every == 0
        real = step.real.detach().requires_grad_(regularise)
        if regularise:
            with full_precision(real):
                logits = (step.exact or step.discriminator)(real, *step.real_condition)
        else:
            logits = step.discriminator(real, *step.real_condition)
        step.observe(logits.detach())
        fake_logits = step.discriminator(step.fake, *step.fake_condition)
        terms = {"d_adversarial": discriminator_logistic(logits, fake_logits)}
        if regularise:
            with full_precision(real):
                terms["d_r1"] = r1_penalty(real, logits) * (self.r1_gamma / 2 * self.r1_every)
        return terms

    def generator_losses(self, logits: Tensor) -> Tensor:
        return generator_logistic(logits)


@dataclass(frozen=True)
class Hinge:
    """`relu(1 - D(real)) + relu(1 + D(fake))`, for critics that are held by spectral normalisation."""

    name: ClassVar = "hinge"
    decides: ClassVar[bool] = True
    discriminator_steps: int = 1

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        logits = step.discriminator(step.real, *step.real_condition)
        step.observe(logits.detach())
        return {
            "d_adversarial": discriminator_hinge(logits, step.discriminator(step.fake, *step.fake_condition))
        }

    def generator_losses(self, logits: Tensor) -> Tensor:
        return generator_critic(logits)


@dataclass(frozen=True)
class Wasserstein:
    """`D(fake) - D(real)`, with a penalty on gradients between real and generated images (WGAN-GP)."""

    name: ClassVar = "wasserstein"
    decides: ClassVar[bool] = False  # logits have no zero
    penalty: float = 10.0
    discriminator_steps: int = 5

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        logits = step.discriminator(step.real, *step.real_condition)
        step.observe(logits.detach())
        fake_logits = step.discriminator(step.fake, *step.fake_condition)
        with full_precision(step.real):
            where = torch.rand(len(step.real), 1, 1, 1, device=step.real.device)
            between = step.real.lerp(step.fake, where).detach().requires_grad_(True)
            there = (step.exact or step.discriminator)(between, *step.real_condition)
            penalty = gradient_penalty(between, there) * self.penalty
        return {"d_adversarial": discriminator_wasserstein(logits, fake_logits), "d_penalty": penalty}

    def generator_losses(self, logits: Tensor) -> Tensor:
        return generator_critic(logits)


GAMES: dict[str, Callable[[float | None, int], Adversarial]] = {
    Logistic.name: lambda r1_gamma, steps: Logistic(r1_gamma or 0.0, discriminator_steps=steps),
    Hinge.name: lambda r1_gamma, steps: Hinge(steps),
    Wasserstein.name: lambda r1_gamma, steps: Wasserstein(discriminator_steps=steps),
}
"""How each game is made, of R1's weight and the critic's steps; only the first has an R1."""


def make_adversarial(form: str, r1_gamma: float | None, discriminator_steps: int) -> Adversarial:
    """The game called `form`, one of `GAMES`."""
    return GAMES[form](r1_gamma, discriminator_steps)
