"""Losses: small pure functions of tensors. Recipes compose them."""

from distill.losses.adversarial import discriminator_logistic, generator_logistic, r1_penalty
from distill.losses.path_length import path_length_weight, path_lengths
from distill.losses.perceptual import PerceptualDistance
from distill.losses.similarity import feature_l1, pixel_l1

__all__ = [
    "PerceptualDistance",
    "discriminator_logistic",
    "feature_l1",
    "generator_logistic",
    "path_length_weight",
    "path_lengths",
    "pixel_l1",
    "r1_penalty",
]
