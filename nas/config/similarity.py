"""What goes with the terms that compare students with their teacher."""

from __future__ import annotations

from distill.perceptual import NONE, ImageFeatures
from distill.recipes import RECIPES, SIMILARITY, get_recipe, parse_similarity
from nas.config.search import SearchConfig
from nas.errors import ConfigError

LACKING = {"feature": "teacher's discriminator", "perceptual": "perceptual distance"}
"""What terms need that may not be there."""


def check_similarity(config: SearchConfig) -> None:
    """Check `--similarity` with the other options.

    Raises:
        ConfigError: the recipe has no such terms, or an option excludes one.
        RecipeError: an unknown recipe.
    """
    asked, weights = f"--similarity {config.similarity}", parse_similarity(config.similarity)
    if weights != SIMILARITY and not get_recipe(config.recipe).uses_similarity:
        users = " or ".join(name for name, recipe in RECIPES.items() if recipe.uses_similarity)
        raise ConfigError(
            f"{asked}: --recipe {config.recipe} has terms of its own: leave it out, or give --recipe {users}"
        )
    if config.perceptual not in ("", NONE) and not weights["perceptual"]:
        raise ConfigError(
            f"--perceptual {config.perceptual}: {asked} gives it no weight: add perceptual=1, or leave it out"
        )
    if weights["mmd"] and config.micro_batch is not None:
        raise ConfigError(
            f"--micro-batch {config.micro_batch}: the term mmd of {asked} compares whole batches: leave one "
            "of them out; for less memory give a smaller --batch-size"
        )


def check_compared(
    config: SearchConfig, features: ImageFeatures | None, *, judged: bool, distance: bool
) -> None:
    """Check that a term of `--similarity` has what it needs, and that the judge does not teach.

    Args:
        config: the search.
        features: in which the term mmd compares, if it has a weight.
        judged: whether the teacher has a discriminator.
        distance: whether there is a perceptual distance.

    Raises:
        ConfigError: no term has what it needs, or the extractor is the network of `features`.
    """
    if features is not None and features.name == config.extractor:
        raise ConfigError(
            f"--extractor {config.extractor}: the term mmd teaches with the same network, which then is no "
            "judge: give another --extractor, or leave mmd out of --similarity"
        )
    there = {"feature": judged, "perceptual": distance}
    terms = [name for name, weight in parse_similarity(config.similarity).items() if weight]
    if not any(there.get(name, True) for name in terms):
        lacks = " and no ".join(LACKING[name] for name in terms)
        raise ConfigError(
            f"--similarity {config.similarity}: there is no {lacks}, so nothing is compared: add another "
            "term, such as pixel=1"
        )
