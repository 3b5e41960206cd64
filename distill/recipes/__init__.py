"""Recipes: one published way of teaching a student per file."""

from collections.abc import Callable

from distill.errors import RecipeError
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Recipe, Terms
from distill.recipes.weight_decay import WeightDecay
from distill.schedules import Schedule

RECIPES: dict[str, Callable[[Schedule], Recipe]] = {"weight-decay": WeightDecay}


def make_recipe(name: str, schedule: Schedule) -> Recipe:
    """The recipe called `name`.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"recipe {name!r} is unknown; choose one of {', '.join(RECIPES)}")
    return RECIPES[name](schedule)


__all__ = ["RECIPES", "DiscriminatorStep", "GeneratorStep", "Recipe", "Terms", "WeightDecay", "make_recipe"]
