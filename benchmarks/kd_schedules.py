"""How a brief distillation should be taught: schedules of the KD weight, terms, discriminators, budgets.

    python -m benchmarks.kd_schedules                               # the digits, 5 seeds, 16,000 images a run
    python -m benchmarks.kd_schedules --rows "both, warm" --images 8000
    python -m benchmarks.kd_schedules --teacher faces.safetensors --data faces.zip --mirror --budgets 3M \\
        --batch-size 32 --extractor cifar-resnet --extractor-weights resnet20.th --seeds 3
    python -m benchmarks.kd_schedules --quick --json                # shows that it runs, nothing else

A row is a schedule, what is compared with the teacher (images: L1; features: L1 in the teacher's
discriminator; both) and where the student's discriminator starts (the teacher's: warm; fresh). All start from
the teacher's weights but for two rows. What is alike in all rows: `benchmarks.rows`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.rows import fid_after, parser, run_rows

SCHEDULES: dict[str, dict[str, Any]] = {
    "none": {"kd_schedule": "constant", "kd_weight_start": 0.0},
    "constant": {"kd_schedule": "constant"},
    "linear 0-100 %": {"kd_schedule": "linear", "kd_decay_start": 0.0, "kd_decay_end": 1.0},
    "cosine 0-60 %": {"kd_decay_start": 0.0, "kd_decay_end": 0.6},
    "cosine 60-100 %": {},
    "adaptive": {"kd_schedule": "adaptive", "kd_decay_start": 0.0, "kd_decay_end": 1.0},
}
TERMS = {"both": {}, "images": {"feature": 0.0}, "features": {"pixel": 0.0}}
DISCRIMINATORS = {"warm": True, "fresh": False}


def rows() -> dict[str, tuple[dict[str, Any], dict[str, float]]]:
    """Settings of the search and of the recipe, by the row's name; without KD, one row per discriminator."""
    random = {
        f"cosine 60-100 %, both, {start}, random start": ({"inherit": False, "warm_discriminator": warm}, {})
        for start, warm in DISCRIMINATORS.items()
    }
    return random | {
        f"{schedule}, {terms}, {start}": (settings | {"warm_discriminator": warm}, weights)
        for start, warm in DISCRIMINATORS.items()
        for terms, weights in TERMS.items()
        for schedule, settings in SCHEDULES.items()
        if schedule != "none" or terms == "both"
    }


def distill(row: str, seed: int, images: int, settings: dict[str, Any]) -> float:
    """Distance of one run."""
    import torch

    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    of_the_search, of_the_recipe = rows()[row]
    asked = settings | of_the_search
    bench = Workbench(SearchConfig.of(**asked, rungs=(images,), seed=seed, study="kd"))
    bench.recipe = replace(bench.recipe, **of_the_recipe)  # type: ignore[type-var]  # every recipe here is a dataclass
    return fid_after(bench, images)


def main() -> None:
    """Run every row for every seed and budget and print the tables."""
    asked = parser(__doc__, budgets="2M,1M", seeds=5)
    asked.add_argument("--kd-weight-start", type=float, help="KD weight at the start, of all rows but none")
    options = asked.parse_args()
    if options.quick:
        options.rows, options.budgets = options.rows or "(none|constant|60-100).*both, warm", "2M"
        options.images, options.seeds = 256, 2
    run_rows(distill, rows(), options, {"kd_weight_start": options.kd_weight_start})


if __name__ == "__main__":
    main()
