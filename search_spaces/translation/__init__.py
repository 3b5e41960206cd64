"""What image translators share: normalisation, layers, and weights of smaller and separable kernels."""

from search_spaces.translation.kernels import rank_one, regressed
from search_spaces.translation.layers import SeparableConv, initialise, resized, tanh
from search_spaces.translation.norms import (
    NORM_MACS,
    NORM_PARAMS,
    Norm,
    has_biases,
    inherit_norm,
    normalisation,
)

__all__ = [
    "NORM_MACS",
    "NORM_PARAMS",
    "Norm",
    "SeparableConv",
    "has_biases",
    "inherit_norm",
    "initialise",
    "normalisation",
    "rank_one",
    "regressed",
    "resized",
    "tanh",
]
