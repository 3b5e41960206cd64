"""Recipes: one published way of teaching a student per file."""

from typing import Protocol

from distill.errors import RecipeError
from distill.losses import PerceptualDistance
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Recipe, Terms
from distill.recipes.stylegan2 import StyleGAN2Training
from distill.recipes.weight_decay import WeightDecay
from distill.schedules import Schedule


class MakeRecipe(Protocol):
    """How a way of teaching is made for one search."""

    def __call__(
        self, schedule: Schedule, *, distance: PerceptualDistance | None = None, r1_gamma: float = 0.3
    ) -> Recipe:
        """With a KD weight that follows `schedule`; `distance` is for recipes that have use for one."""


RECIPES: dict[str, MakeRecipe] = {"weight-decay": WeightDecay}
"""What teaches a student. `StyleGAN2Training` is not among them: it is how teachers come about."""


def make_recipe(
    name: str, schedule: Schedule, distance: PerceptualDistance | None = None, r1_gamma: float = 0.3
) -> Recipe:
    """The recipe called `name`.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"recipe {name!r} is unknown; choose one of {', '.join(RECIPES)}")
    return RECIPES[name](schedule, distance=distance, r1_gamma=r1_gamma)


__all__ = [
    "RECIPES",
    "DiscriminatorStep",
    "GeneratorStep",
    "Recipe",
    "StyleGAN2Training",
    "Terms",
    "WeightDecay",
    "make_recipe",
]
