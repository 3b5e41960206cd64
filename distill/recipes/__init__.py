"""Recipes: one published distillation method per file."""

from collections.abc import Iterable

from distill.adversarial import Logistic
from distill.errors import RecipeError
from distill.recipes.base import Distillation, GeneratorStep, Ingredients, Maps, Recipe
from distill.recipes.compressing_gans import CompressingGans
from distill.recipes.crd import Crd
from distill.recipes.dgl_gan import AdaptiveDglGan, DglGan
from distill.recipes.gan_compression import GanCompression
from distill.recipes.omgd import Omgd
from distill.recipes.similarity import SIMILARITY, format_similarity, parse_similarity
from distill.recipes.stu_star_gan import StuStarGan
from distill.recipes.teacher import AdversarialTraining, PathLengths, Pix2Pix, StarGan
from distill.recipes.weight_decay import WeightDecay
from distill.schedules import Schedule
from distill.tasks import AttributesTask, PairedTask

_ALL: Iterable[type[Distillation]] = (
    *(WeightDecay, DglGan, AdaptiveDglGan, CompressingGans),
    *(Crd, GanCompression, Omgd, StuStarGan),
)

RECIPES: dict[str, type[Distillation]] = {recipe.name: recipe for recipe in _ALL}
"""Recipes for students, the default first. `AdversarialTraining` trains teachers and is not listed."""


TEACHER_RECIPES: dict[str, type[AdversarialTraining]] = {
    PairedTask.name: Pix2Pix,
    AttributesTask.name: StarGan,
}
"""What trains a teacher of a task; `AdversarialTraining` where there is none."""


def get_recipe(name: str) -> type[Distillation]:
    """The recipe called `name`.

    Raises:
        RecipeError: there is no recipe of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"--recipe {name}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def make_recipe(name: str, schedule: Schedule, ingredients: Ingredients | None = None) -> Recipe:
    """The recipe called `name` with a KD weight that follows `schedule`.

    Raises:
        RecipeError: there is no such recipe, or it excludes the schedule or the adversarial loss.
    """
    return get_recipe(name).make(schedule, ingredients or Ingredients(Logistic()))


__all__ = [
    "RECIPES",
    "SIMILARITY",
    "TEACHER_RECIPES",
    "AdaptiveDglGan",
    "AdversarialTraining",
    "CompressingGans",
    "Crd",
    "DglGan",
    "Distillation",
    "GanCompression",
    "GeneratorStep",
    "Ingredients",
    "Maps",
    "Omgd",
    "PathLengths",
    "Pix2Pix",
    "Recipe",
    "StarGan",
    "StuStarGan",
    "WeightDecay",
    "format_similarity",
    "get_recipe",
    "make_recipe",
    "parse_similarity",
]
