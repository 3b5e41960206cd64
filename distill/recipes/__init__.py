"""Recipes: one published way of teaching a student per file."""

from collections.abc import Iterable

from distill.errors import RecipeError
from distill.recipes.adversarial import Hinge, Logistic, Wasserstein, make_adversarial
from distill.recipes.alone import AdversarialTraining
from distill.recipes.base import Adversarial, DiscriminatorStep, GeneratorStep, Recipe, Taught, Terms, Tools
from distill.recipes.compressing_gans import CompressingGans
from distill.recipes.dgl_gan import AdaptiveDglGan, DglGan
from distill.recipes.path_lengths import PathLengths
from distill.recipes.weight_decay import WeightDecay
from distill.schedules import Schedule

_ALL: Iterable[type[Taught]] = (WeightDecay, DglGan, AdaptiveDglGan, CompressingGans)

RECIPES: dict[str, type[Taught]] = {recipe.name: recipe for recipe in _ALL}
"""What teaches a student. `AdversarialTraining` is not among them: it is how teachers come about."""


def get_recipe(name: str) -> type[Taught]:
    """The recipe called `name`.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"recipe {name!r} is unknown; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def make_recipe(name: str, schedule: Schedule, tools: Tools | None = None) -> Recipe:
    """The recipe called `name`, its KD weight following `schedule`.

    Raises:
        RecipeError: there is none of that name, or it can't follow such a schedule.
    """
    return get_recipe(name).make(schedule, Tools(Logistic()) if tools is None else tools)


__all__ = [
    "RECIPES",
    "AdaptiveDglGan",
    "Adversarial",
    "AdversarialTraining",
    "CompressingGans",
    "DglGan",
    "DiscriminatorStep",
    "GeneratorStep",
    "Hinge",
    "Logistic",
    "PathLengths",
    "Recipe",
    "Terms",
    "Tools",
    "Wasserstein",
    "WeightDecay",
    "get_recipe",
    "make_adversarial",
    "make_recipe",
]
