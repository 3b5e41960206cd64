"""Recipes that train teachers, and terms that students' recipes have in common with them."""

from distill.recipes.teacher.alone import AdversarialTraining
from distill.recipes.teacher.path_lengths import PathLengths
from distill.recipes.teacher.pix2pix import Pix2Pix
from distill.recipes.teacher.star_gan import (
    StarGan,
    classified,
    real_attributes,
    wanted_attributes,
    way_back,
)

__all__ = [
    "AdversarialTraining",
    "PathLengths",
    "Pix2Pix",
    "StarGan",
    "classified",
    "real_attributes",
    "wanted_attributes",
    "way_back",
]
