"""Defaults of a search that depend on its data, its recipe, or on shared weights.

The extractor for own images depends on what can be had on this machine: `nas.driver.prepare` chooses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.data import DIGITS, TEACHER
from distill.recipes import RECIPES, Distillation, get_recipe
from distill.schedules import Ramp
from nas.errors import ConfigError

SIMILARITY_LR = 2e-3
DIGITS_DEFAULTS: dict[str, Any] = {
    "rungs": (4_000, 8_000, 16_000),
    "fid_samples": 2_000,
    "similarity_lr": SIMILARITY_LR,
    "extractor": "digits",
}
REAL_DEFAULTS: dict[str, Any] = {
    "rungs": (50_000, 100_000, 200_000),
    "fid_samples": 10_000,
    "similarity_lr": SIMILARITY_LR,
    "held_out": None,  # by the task, see `Task.default_held_out`
}
RAMP = ("adversarial_weight", "adversarial_start", "adversarial_full")
NEVER_BEGINS = ("constant", "step")  # KD schedules without a decay that could start
RECIPE = next(iter(RECIPES))
SHARED_LONGER = 4  # images for shared weights / images of a candidate's last rung
TEACHER_SAMPLES = 50_000  # without real images
IMPORTANCE = "image-difference"  # the field's own default is that of studies from before it was a setting


def with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a search with the defaults that depend on them; None, () and [] count as unset.

    Without images a teacher is distilled from samples of its own. The teacher "digits" is the built-in one,
    where no file has that name.

    Raises:
        ConfigError: images without their teacher.
        RecipeError: an unknown recipe.
    """
    chosen = {name: value for name, value in values.items() if value not in (None, (), [])}
    if str(chosen.get("teacher")) == DIGITS and not Path(DIGITS).exists():
        del chosen["teacher"]
    teacher = chosen.get("teacher")
    data = chosen.setdefault("data", DIGITS if teacher is None else TEACHER)
    if teacher is None and data not in (DIGITS, TEACHER):
        raise ConfigError(f"--data {data}: give the generator to compress by --teacher, too")
    built_in = shows_digits(data, teacher)
    defaults = DIGITS_DEFAULTS if built_in else REAL_DEFAULTS
    if data == TEACHER:
        defaults = defaults | {"teacher_samples": TEACHER_SAMPLES, "held_out": 0.0}
    recipe = get_recipe(str(chosen.get("recipe", RECIPE)))
    weights = _kd_weight(recipe)
    begin, shape = chosen.get("kd_decay_start"), chosen.get("kd_schedule", weights["kd_schedule"])
    if begin is not None and shape in NEVER_BEGINS and float(begin) != weights["kd_decay_start"]:
        raise ConfigError(
            f"--kd-decay-start {begin}: --kd-schedule {shape} has no start of a decay: leave it out, or give "
            "another --kd-schedule, such as linear"
        )
    defaults = defaults | weights | _adversarial_weight(recipe)
    if chosen.get("share_weights"):
        defaults = defaults | {"rungs": (SHARED_LONGER * defaults["rungs"][-1],)}
    if chosen.get("share_weights") or chosen.get("inherit", True):  # else no channels are ranked
        defaults = defaults | {"importance": IMPORTANCE}
    return defaults | chosen


def default_values(name: str) -> set[str]:
    """All that the option `name` is by default, as text, with one recipe or another, on some data."""
    found = [DIGITS_DEFAULTS, REAL_DEFAULTS]
    for recipe in RECIPES.values():
        found += [_kd_weight(recipe), _adversarial_weight(recipe)]
    return {str(values[name]) for values in found if name in values}


def shows_digits(data: str, teacher: object) -> bool:
    """Whether students of a search draw the built-in digits; no `teacher` is the built-in one."""
    return data == DIGITS or (data == TEACHER and teacher is None)


def _kd_weight(recipe: type[Distillation]) -> dict[str, Any]:
    """The default KD schedule of `recipe`."""
    schedule = recipe.default_schedule
    return {
        "kd_schedule": schedule.shape,
        "kd_weight_start": schedule.start,
        "kd_weight_end": schedule.end,
        "kd_decay_start": schedule.begin,
        "kd_decay_end": schedule.finish,
    }


def _adversarial_weight(recipe: type[Distillation]) -> dict[str, Any]:
    """The default ramp of the adversarial weight; None where the workbench chooses it, by the teacher."""
    if recipe.default_ramp == Ramp():
        return dict(zip(RAMP, (1.0, 0.0, 0.0), strict=True))
    return dict.fromkeys(RAMP)
