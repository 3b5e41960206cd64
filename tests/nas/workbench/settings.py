"""Settings of searches that tests of the workbench share."""

from __future__ import annotations

from distill.recipes import RECIPES


def taught_by(recipe: str) -> dict[str, object]:
    """The settings that `SearchConfig.of(recipe=…)` makes."""
    schedule, ramp = RECIPES[recipe].default_schedule, RECIPES[recipe].default_ramp
    weights = {
        "adversarial_weight": ramp.weight,
        "adversarial_start": ramp.begin,
        "adversarial_full": ramp.full,
        "kd_weight_start": schedule.start,
        "kd_weight_end": schedule.end,
        "kd_decay_start": schedule.begin,
    }
    return {"recipe": recipe, "kd_schedule": schedule.shape, "kd_decay_end": schedule.finish, **weights}
