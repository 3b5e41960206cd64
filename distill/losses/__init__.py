"""Losses: small pure functions of tensors. Recipes compose them."""

from distill.losses.adversarial import discriminator_logistic, generator_logistic, r1_penalty
from distill.losses.similarity import feature_l1, pixel_l1

__all__ = ["discriminator_logistic", "feature_l1", "generator_logistic", "pixel_l1", "r1_penalty"]
