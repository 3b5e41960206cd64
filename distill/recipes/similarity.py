"""Weights of the terms that compare a student's images with its teacher's, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from distill.errors import RecipeError

SIMILARITY: Mapping[str, float] = {
    "pixel": 1.0,
    "feature": 1.0,
    "perceptual": 1.0,
    "wavelet": 0.0,
    "mmd": 0.0,
}
"""The terms, with their weights unless a user gives others."""


def parse_similarity(text: str) -> dict[str, float]:
    """The weight of every term, of "pixel=1,wavelet=0.5"; a term that is not named has none.

    Raises:
        RecipeError: a term is unknown or named twice, a weight is no number of at least 0, or all are 0.
    """
    given: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in SIMILARITY:
            raise RecipeError(f"term {name!r} is unknown: choose from {', '.join(SIMILARITY)}")
        if name in given:
            raise RecipeError(f"term {name!r} stands there twice: give it one weight")
        given[name] = _weight(name, number)
    if not any(given.values()):
        raise RecipeError("no term has a weight: give one above 0, such as pixel=1")
    return {name: given.get(name, 0.0) for name in SIMILARITY}


def format_similarity(weights: Mapping[str, float]) -> str:
    """Weights as `parse_similarity` reads them, without terms that have none."""
    return ",".join(f"{name}={weights[name]:g}" for name in SIMILARITY if weights.get(name))


def _weight(name: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        given = f"{name}={number}" if number else name
        raise RecipeError(f"{given}: give a weight of at least 0, such as {name}=1")
    return weight
