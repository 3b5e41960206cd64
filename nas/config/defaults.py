"""Defaults of a search that depend on its data, its recipe, or on shared weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.data import DIGITS
from distill.recipes import RECIPES, get_recipe
from nas.errors import ConfigError

DIGITS_DEFAULTS: dict[str, Any] = {
    "rungs": (4_000, 8_000, 16_000),
    "fid_samples": 2_000,
    "extractor": "digits",
}
REAL_DEFAULTS: dict[str, Any] = {
    "rungs": (50_000, 100_000, 200_000),
    "fid_samples": 10_000,
    "extractor": "inception",
}
RECIPE = next(iter(RECIPES))
SHARED_LONGER = 4  # times the images of a candidate's last rung, for weights that all candidates share


def with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a search, and the defaults that depend on them; None and () are not given.

    Raises:
        ConfigError: a teacher without its images, or images without their teacher.
        RecipeError: an unknown recipe.
    """
    teacher, data = values.get("teacher"), values.get("data")
    if teacher is not None and data is None:
        raise ConfigError(f"--teacher {teacher}: give the images of its kind by --data, too")
    if teacher is None and data not in (None, DIGITS):
        raise ConfigError(f"--data {data}: give the generator to compress by --teacher, too")
    built_in = data in (None, DIGITS)
    given = {name: value for name, value in values.items() if value not in (None, ())}
    defaults = DIGITS_DEFAULTS if built_in else REAL_DEFAULTS
    defaults = defaults | _kd_weight(str(given.get("recipe", RECIPE)), built_in)
    if given.get("share_weights"):
        defaults = defaults | {"rungs": (SHARED_LONGER * defaults["rungs"][-1],)}
    return defaults | given


def _kd_weight(recipe: str, digits: bool) -> dict[str, Any]:
    """The schedule of the KD weight that goes with `recipe`.

    Raises:
        RecipeError: there is none of that name.
    """
    wanted = get_recipe(recipe)
    schedule = (wanted.default_schedule_on_digits if digits else None) or wanted.default_schedule
    return {
        "kd_schedule": schedule.shape,
        "kd_weight_start": schedule.start,
        "kd_weight_end": schedule.end,
        "kd_decay_start": schedule.begin,
        "kd_decay_end": schedule.finish,
    }
