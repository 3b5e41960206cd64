"""What goes with the teacher, the recipe, and the terms that compare students with their teacher."""

from __future__ import annotations

from collections.abc import Callable

from distill.adversarial import get_adversarial
from distill.perceptual import NONE, FeatureMaps, PerceptualDistance
from distill.recipes import (
    RECIPES,
    SIMILARITY,
    Distillation,
    Recipe,
    format_similarity,
    get_recipe,
    parse_similarity,
)
from distill.schedules import Ramp
from distill.tasks import get_task
from distill.teachers import Teacher
from distill.training import check_activation_checkpointing, check_batch_statistics, images_in_whole_steps
from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.workbench.ingredients import adversarial_of
from search_spaces import get_family

LACKING = {"feature": "teacher's discriminator", "perceptual": "perceptual distance"}
"""What terms need that may not be there."""


def check_training(config: SearchConfig, teacher: Teacher) -> None:
    """Check that `teacher` is of the family and size asked for, which can be trained as asked.

    Raises:
        ConfigError, TrainingError: it is not, or can't.
    """
    family, side = teacher.family.name, teacher.generator.image_shape[1]
    if config.space:
        get_family(config.space)  # refuses unknown names
    for flag, wanted, has in (
        ("space", config.space or family, family),
        ("resolution", config.resolution or side, side),
    ):
        if wanted != has:
            raise ConfigError(
                f"--{flag} {wanted}: students are like their teacher, and {teacher.name} has {has}: "
                f"leave it out, or give another --teacher"
            )
    task = get_task(teacher.family, config.task)
    judge = teacher.discriminator
    if judge is not None and judge.takes_input_image != task.judges_input:
        does = "beside their inputs" if judge.takes_input_image else "by themselves"
        raise ConfigError(
            f"--task {task.name}: the discriminator of {teacher.name} judges images {does}: "
            "give another --task, or a teacher without a discriminator"
        )
    adversarial = adversarial_of(config, teacher)
    if config.r1_gamma is not None and not adversarial.uses_r1:
        raise ConfigError(
            f"--r1-gamma {config.r1_gamma:g}: the {adversarial.name} loss has no R1: leave it out"
        )
    check_batch_statistics(teacher.generator, config.micro_batch or 0, config.batch_size)
    check_activation_checkpointing(teacher.generator, config.checkpoint_activations)


def check_rungs(config: SearchConfig, recipe: Recipe) -> None:
    """Check that rungs differ in whole steps: two equal ones would measure the same student twice.

    Raises:
        ConfigError: they do not.
    """
    size, last = config.batch_size, config.rungs[-1]
    whole = [images_in_whole_steps(recipe, size, last, rung) for rung in config.rungs]
    for asked, here, before in zip(config.rungs[1:], whole[1:], whole, strict=False):
        if here == before:
            rungs = ",".join(map(str, config.rungs))
            raise ConfigError(
                f"--rungs {rungs}: rung {asked} ends after {here:,} images, in whole steps, as does the one "
                "before it: leave it out, give rungs a step apart, or a smaller --batch-size"
            )


def check_recipe(config: SearchConfig, teacher: Teacher) -> None:
    """Check that the recipe has a use for its options, and what it needs of `teacher`.

    Raises:
        ConfigError: it is for other tasks, an option that it ignores, or there is no teacher's discriminator.
        RecipeError: an unknown recipe.
    """
    recipe, task = get_recipe(config.recipe), get_task(teacher.family, config.task).name
    if recipe.tasks and task not in recipe.tasks:
        raise ConfigError(
            f"--recipe {recipe.name} is for {' and '.join(recipe.tasks)}, and {teacher.family.name} students "
            f"are for {task}: give --recipe {_recipes(lambda each: not each.tasks or task in each.tasks)}"
        )
    if recipe.needs_teacher_discriminator and teacher.discriminator is None:
        other = next(name for name, each in RECIPES.items() if not each.needs_teacher_discriminator)
        raise ConfigError(
            f"--recipe {recipe.name} needs the teacher's discriminator, {teacher.name} comes "
            "without one: give one that holds both (nas-teacher import --discriminator joins two files), "
            f"or --recipe {other}"
        )
    _check_sign(config, teacher)
    if config.perceptual not in ("", NONE) and not _uses_perceptual(recipe):
        raise ConfigError(
            f"--perceptual {config.perceptual}: --recipe {recipe.name} compares in no such network: leave it "
            f"out, or give --recipe {_recipes(_uses_perceptual)}"
        )
    for flag, asked in (("mirror", config.mirror), ("crop", config.crop)):
        if asked and not recipe.trains_discriminator:
            raise ConfigError(
                f"--{flag}: it changes what discriminators see, and --recipe {recipe.name} trains none; "
                "students learn from the teacher cache, whose images are as they are: leave it out, or give "
                f"--recipe {_recipes(lambda each: each.trains_discriminator, task)}"
            )
    if config.adversarial and not recipe.uses_adversarial:
        raise ConfigError(
            f"--adversarial {config.adversarial}: --recipe {recipe.name} has no adversarial term: leave it "
            f"out, or give --recipe {_recipes(lambda each: each.uses_adversarial, task)}"
        )
    if config.ramp != Ramp() and not recipe.uses_ramp:
        raise ConfigError(
            f"adversarial weight {config.ramp}: --recipe {recipe.name} has its own: leave "
            "--adversarial-weight, --adversarial-start and --adversarial-full out, or give --recipe "
            f"{_recipes(lambda each: each.uses_ramp)}"
        )


def _check_sign(config: SearchConfig, teacher: Teacher) -> None:
    """Check the teacher's discriminator where the KD weight, or the recipe, goes by the sign of its logits.

    Raises:
        ConfigError: there is none, or its published loss gives logits no sign.
    """
    adaptive, recipe = config.schedule.follows_gap, get_recipe(config.recipe)
    if not (adaptive or recipe.needs_sign):
        return
    asked = "--kd-schedule adaptive" if adaptive else f"--recipe {recipe.name}"
    instead = "another schedule, such as cosine" if adaptive else "--recipe dgl-gan"
    if teacher.discriminator is None:
        raise ConfigError(
            f"{asked} follows the teacher's frozen discriminator, and {teacher.name} comes without one: give "
            "a teacher that holds both (nas-teacher import --discriminator joins two files), or "
            f"{instead}"
        )
    published = get_adversarial(teacher.family.training.adversarial)
    if not published.sign_classifies:
        raise ConfigError(
            f"{asked}: it follows how far logits of the teacher's discriminator are below 0, which says "
            f"nothing with a {published.name} loss, as {teacher.family.name} teachers are trained: give "
            f"{instead}"
        )


def check_similarity(config: SearchConfig) -> None:
    """Check `--similarity` with the other options.

    Raises:
        ConfigError: the recipe has no such terms, or an option excludes one.
        RecipeError: an unknown recipe.
    """
    asked, weights = f"--similarity {config.similarity}", parse_similarity(config.similarity)
    if weights != SIMILARITY and not get_recipe(config.recipe).uses_similarity:
        raise ConfigError(
            f"{asked}: --recipe {config.recipe} has terms of its own: leave it out, or give --recipe "
            f"{_recipes(lambda each: each.uses_similarity)}"
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


def terms_in_effect(config: SearchConfig, teacher: Teacher, distance: PerceptualDistance | None) -> str:
    """The terms of `--similarity` that students are compared in; empty where the recipe has its own."""
    if not get_recipe(config.recipe).uses_similarity:
        return ""
    there = {"feature": teacher.discriminator is not None, "perceptual": distance is not None}
    weights = parse_similarity(config.similarity)
    return format_similarity({name: each for name, each in weights.items() if there.get(name, True)})


def check_compared(
    config: SearchConfig, teacher: Teacher, distance: PerceptualDistance | None, maps: FeatureMaps | None
) -> None:
    """Check that the recipe has what it compares images in.

    Args:
        config: the search.
        teacher: whose discriminator the term feature compares in.
        distance: the perceptual distance, if there is one.
        maps: the feature maps of a network, if there are such.

    Raises:
        ConfigError: no term of `--similarity` has what it needs, or there are no maps to compare.
    """
    if get_recipe(config.recipe).uses_maps and maps is None and teacher.discriminator is None:
        raise ConfigError(
            f"--recipe {config.recipe} compares style and features, and there is no network for that: "
            "give a teacher with its discriminator, or, for colour images, --perceptual imagenet-lite1"
        )
    there = {"feature": teacher.discriminator is not None, "perceptual": distance is not None}
    terms = [name for name, weight in parse_similarity(config.similarity).items() if weight]
    if not any(there.get(name, True) for name in terms):
        lacks = " and no ".join(LACKING[name] for name in terms)
        raise ConfigError(
            f"--similarity {config.similarity}: there is no {lacks}, so nothing is compared: add another "
            "term, such as pixel=1"
        )


def _uses_perceptual(recipe: type[Distillation]) -> bool:
    return recipe.uses_distance or recipe.uses_maps


def _recipes(able: Callable[[type[Distillation]], bool], task: str = "") -> str:
    """The recipes to give instead: those for `task` that `able` says yes to."""
    fitting = (name for name, each in RECIPES.items() if not each.tasks or not task or task in each.tasks)
    return " or ".join(name for name in fitting if able(RECIPES[name]))
