"""Losses: small pure functions of tensors. Recipes compose them."""

from distill.losses.adversarial import (
    discriminator_hinge,
    discriminator_least_squares,
    discriminator_logistic,
    discriminator_relativistic,
    discriminator_wasserstein,
    generator_least_squares,
    generator_linear,
    generator_logistic,
    generator_relativistic,
    gradient_penalty,
    r1_penalty,
)
from distill.losses.attributes import attribute_loss
from distill.losses.gram import gram, gram_l1
from distill.losses.mmd import squared_mmd
from distill.losses.path_length import path_length_weight, path_lengths
from distill.losses.relations import PARTS, angle_loss, distance_loss, relation_loss
from distill.losses.similarity import feature_l1, pixel_l1, squared_norm
from distill.losses.structure import ssim, total_variation
from distill.losses.wavelet import haar, wavelet_l1

__all__ = [
    "PARTS",
    "angle_loss",
    "attribute_loss",
    "discriminator_hinge",
    "discriminator_least_squares",
    "discriminator_logistic",
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "distance_loss",
    "feature_l1",
    "generator_least_squares",
    "generator_linear",
    "generator_logistic",
    "generator_relativistic",
    "gradient_penalty",
    "gram",
    "gram_l1",
    "haar",
    "path_length_weight",
    "path_lengths",
    "pixel_l1",
    "r1_penalty",
    "relation_loss",
    "squared_mmd",
    "squared_norm",
    "ssim",
    "total_variation",
    "wavelet_l1",
]
