"""Which settings make two searches the same: results within one study are comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.recipes import get_recipe
from distill.schedules import SHAPE_REVISIONS
from nas.config.search import MOST_CACHED, SearchConfig

SNAPSHOTS, NO_SNAPSHOTS = "teacher_snapshots", "none"
CACHE_SIZE = "teacher_cache_size"  # noted as it is, also where the user gives none
REVISION = "recipe_revision"  # of the losses: studies of before it was noted have 1

MAY_CHANGE = (
    frozenset(("teacher", "teacher_snapshots", "data", "task", "attributes", "extractor_weights"))
    | {"trials", "sampler", "reduction_factor"}
    | {"significance", "replicates", "seeds", "enqueue", "warm_start"}
    | {"space", "resolution", "study", "workdir", "storage", "workers", "gpus_per_trial"}
    | {"ray_address", "exchange"}
    | {
        "checkpoint_every",
        "worker_timeout",
        "keep",
        "perceptual",
        "micro_batch",
        "compile",
        "checkpoint_activations",
    }
)
"""Settings that may differ when a search is resumed; digests identify teacher, snapshots, data with
the task, and distance."""


def conditions(config: SearchConfig) -> dict[str, str]:
    """What must not change within one study, or its results could not be compared."""
    noted = {name: str(getattr(config, name)) for name in _compared()}
    return noted | {CACHE_SIZE: str(config.cached_images)}


def default_conditions() -> dict[str, str]:
    """The `conditions` of a search that says nothing: older studies were made without some of them."""
    noted = {name: str(SearchConfig.model_fields[name].default) for name in _compared()}
    return noted | {CACHE_SIZE: str(MOST_CACHED), SNAPSHOTS: NO_SNAPSHOTS, REVISION: "1"}


def recipe_revision(config: SearchConfig) -> str:
    """Revision of the recipe's losses and of what its schedule follows."""
    of_shape = SHAPE_REVISIONS.get(config.kd_schedule, 1)
    return str(get_recipe(config.recipe).revision) + (f".{of_shape}" if of_shape > 1 else "")


def same_search(saved: Any, identity: Mapping[str, str]) -> bool:
    """Whether a checkpoint that noted `saved` is of the search `identity`.

    What was not a setting yet when it was written had its default.
    """
    defaults = default_conditions()
    return isinstance(saved, dict) and defaults | saved == defaults | dict(identity)


def _compared() -> list[str]:
    return [name for name in SearchConfig.model_fields if name not in MAY_CHANGE]
