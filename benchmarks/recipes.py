"""What every recipe makes of the same student and the same number of images, beside training it alone.

    python -m benchmarks.recipes                                    # the digits, 3 seeds, 16,000 images a run
    python -m benchmarks.recipes --teacher faces.safetensors --data faces.zip --mirror --budgets 3M \\
        --batch-size 32 --extractor cifar-resnet --extractor-weights resnet20.th
    python -m benchmarks.recipes --quick --json                     # shows that it runs, nothing else

A row is a recipe with its default schedule, and a start of both networks of the student: the teacher's
weights, or random ones. `alone` is the family's own training, without a teacher. Recipes that don't go
with the teacher are left out. Images are real images shown, so a recipe with several discriminator steps
takes fewer steps of the student. What is alike in all rows: `benchmarks.rows`.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.rows import fid_after, parser, run_rows
from benchmarks.setting import alone, setting

ALONE = "alone"
NO_BUDGET = 10**15
STARTS = {"from the teacher": True, "from scratch": False}


def rows() -> dict[str, tuple[str, bool]]:
    """Recipe and whether it starts from the teacher's weights, by the row's name."""
    from distill.recipes import RECIPES

    return {
        f"{recipe}, {start}": (recipe, warm) for start, warm in STARTS.items() for recipe in (ALONE, *RECIPES)
    }


def refused(recipe: str, settings: dict[str, Any]) -> bool:
    """Whether `recipe` does not go with the teacher; says why."""
    from distill.errors import RecipeError
    from nas.config import SearchConfig
    from nas.errors import ConfigError
    from nas.execution import Workbench

    try:
        Workbench(SearchConfig.of(**settings, budget_macs=NO_BUDGET, recipe=recipe, study="recipes"))
    except (ConfigError, RecipeError) as error:
        print(error, file=sys.stderr)
        return True
    return False


def distill(row: str, seed: int, images: int, settings: dict[str, Any]) -> float:
    """Distance of one run."""
    import torch

    from nas.config import SearchConfig
    from nas.execution import Workbench

    torch.set_num_threads(1)
    recipe, warm = rows()[row]
    asked = settings | {"inherit": warm, "warm_discriminator": warm}
    asked |= {} if recipe == ALONE else {"recipe": recipe}
    bench = Workbench(SearchConfig.of(**asked, rungs=(images,), seed=seed, study="recipes"))
    if recipe == ALONE:
        bench.recipe = alone(bench)
    return fid_after(bench, images)


def main() -> None:
    """Run every row for every seed and budget and print the tables."""
    from distill.recipes import RECIPES

    options = parser(__doc__, budgets="2M", seeds=3).parse_args()
    if options.quick:
        options.rows, options.images, options.seeds = options.rows or "from the teacher", 256, 1
    out = {recipe for recipe in RECIPES if refused(recipe, setting(options))}
    run_rows(distill, [row for row, (recipe, _) in rows().items() if recipe not in out], options, {})


if __name__ == "__main__":
    main()
