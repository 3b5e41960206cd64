"""What a recipe is made of: by the options of a search, and by the published training of the family."""

from __future__ import annotations

from distill.adversarial import AdversarialLoss, get_adversarial
from distill.perceptual import (
    NONE,
    FeatureMaps,
    ImageFeatures,
    PerceptualDistance,
    default_perceptual,
    load_maps,
    load_perceptual,
)
from distill.recipes import Ingredients, get_recipe, parse_similarity
from distill.teachers import Teacher
from nas.config import RAMP, SearchConfig

LEAST_R1_GAMMA = 0.3


def adversarial_of(config: SearchConfig, teacher: Teacher) -> type[AdversarialLoss]:
    """The adversarial loss asked for, else the family's."""
    return get_adversarial(config.adversarial or teacher.family.training.adversarial)


def perceptual_of(config: SearchConfig, teacher: Teacher) -> str:
    """The perceptual network asked for, else the one for such images, if it has a use."""
    if config.perceptual:
        return config.perceptual
    recipe = get_recipe(config.recipe)
    used = recipe.uses_maps or (recipe.uses_distance and parse_similarity(config.similarity)["perceptual"])
    return default_perceptual(teacher.generator.image_shape[0]) if used else NONE


def load_compared(
    config: SearchConfig, teacher: Teacher, device: str
) -> tuple[PerceptualDistance | None, FeatureMaps | None]:
    """The network of `perceptual_of`, as the recipe uses it: for a distance, or for feature maps.

    Raises:
        RecipeError: there is no such network.
        MissingPackageError: its packages are not installed.
    """
    name = perceptual_of(config, teacher)
    if get_recipe(config.recipe).uses_maps:
        return None, load_maps(name, device)
    return load_perceptual(name, device), None


def with_ramp(config: SearchConfig, teacher: Teacher) -> SearchConfig:
    """`config` with the adversarial ramp that goes with its teacher, where the user gave none.

    Without a perceptual network, similarity alone makes students worse than they began, and the teacher's
    discriminator, where they start from it, makes them better from the start (docs/faces.md). A discriminator
    with random weights does not.
    """
    alone = perceptual_of(config, teacher) == NONE
    warm = config.warm_discriminator and teacher.discriminator is not None
    recipe = get_recipe(config.recipe)
    ramp = recipe.default_ramp_at_once if alone and warm else recipe.default_ramp
    default = dict(zip(RAMP, (ramp.weight, ramp.begin, ramp.full), strict=True))
    missing = {name: value for name, value in default.items() if getattr(config, name) is None}
    return config.model_copy(update=missing)


def make_ingredients(
    config: SearchConfig,
    teacher: Teacher,
    distance: PerceptualDistance | None,
    features: ImageFeatures | None,
    maps: FeatureMaps | None,
) -> Ingredients:
    """Ingredients of recipes: adversarial loss and path lengths, and what compares with the teacher."""
    published, loss = teacher.family.training, adversarial_of(config, teacher)
    as_published = loss.name == published.adversarial
    steps = published.discriminator_steps if as_published else loss.default_discriminator_steps
    return Ingredients(
        loss.make(_r1_gamma(config, teacher, loss), steps),
        config.ramp,
        published.path_weight,
        distance,
        features,
        parse_similarity(config.similarity),
        maps,
    )


def _r1_gamma(config: SearchConfig, teacher: Teacher, loss: type[AdversarialLoss]) -> float | None:
    """The weight of R1 asked for, else the family's; at least `LEAST_R1_GAMMA`, for small images."""
    published = teacher.family.training.r1_gamma
    if config.r1_gamma is not None or not loss.uses_r1:
        return config.r1_gamma
    if published is None:
        return LEAST_R1_GAMMA
    return max(LEAST_R1_GAMMA, published(teacher.generator.image_shape[1], config.batch_size))
