"""Defaults of a search that depend on its data, its recipe, or on shared weights.

The extractor for own images depends on what can be had on this machine: `nas.driver.prepare` chooses it.
"""

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
}
RECIPE = next(iter(RECIPES))
SHARED_LONGER = 4  # images for shared weights / images of a candidate's last rung


def with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a search with the defaults that depend on them; None, () and [] count as unset.

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
    chosen = {name: value for name, value in values.items() if value not in (None, (), [])}
    defaults = DIGITS_DEFAULTS if built_in else REAL_DEFAULTS
    defaults = defaults | _kd_weight(str(chosen.get("recipe", RECIPE)), built_in)
    if chosen.get("share_weights"):
        defaults = defaults | {"rungs": (SHARED_LONGER * defaults["rungs"][-1],)}
    return defaults | chosen


def _kd_weight(recipe: str, digits: bool) -> dict[str, Any]:
    """The default KD schedule of `recipe`.

    Raises:
        RecipeError: there is no such recipe.
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
