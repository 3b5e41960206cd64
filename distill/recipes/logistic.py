"""The discriminator's side of StyleGAN2, which recipes share: logistic loss and lazy R1."""

from __future__ import annotations

from distill.losses import discriminator_logistic, r1_penalty
from distill.recipes.base import DiscriminatorStep, Terms
from search_spaces.precision import full_precision


def logistic_terms(step: DiscriminatorStep, r1_gamma: float, r1_every: int) -> Terms:
    """`softplus(D(fake)) + softplus(-D(real))`, and every `r1_every` steps as many times `γ/2·R1`.

    R1 is of second order, so the step that has it scores real images in float32. With augmentation it is
    taken at the augmented images, the ones that the discriminator knows.
    """
    regularise = step.step % r1_every == 0
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
            terms["d_r1"] = r1_penalty(real, logits) * (r1_gamma / 2 * r1_every)
    return terms
