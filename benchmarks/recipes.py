"""What recipes, terms, orders and starts make of the same student and the same number of images.

    python -m benchmarks.recipes --seeds 5 --results digits.jsonl     # the digits, 16,000 images a run
    python -m benchmarks.recipes --teacher faces.safetensors --data faces.zip --mirror --budgets 3M \\
        --batch-size 32 --extractor cifar-resnet --extractor-weights resnet20.th --results faces.jsonl
    python -m benchmarks.recipes --quick --json                     # shows that it runs, nothing else

A row differs from the first, the default of `nas-search`, in what its name says; `alone` is the family's
own training, without a teacher. Rows that don't go with the teacher are left out. The student is the
uniform-width baseline, and inherits the teacher's weights. Runs of a seed have the same data order and
latents. No row regularises path lengths: the default does not. Images are real images shown, so a row with
several discriminator steps takes fewer steps of the student. What figures mean: `benchmarks.tables`.

`--results` keeps every finished run in a file: the same command continues, and runs what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.results import Figures
from benchmarks.setting import alone, uniform_student, without_paths
from benchmarks.tables import measured, options_of, print_tables

ALONE = "alone"
DEFAULT = "default"
TAUGHT: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    ALONE: {},
    "recipe: dgl-gan": {"recipe": "dgl-gan"},
    "recipe: dgl-gan-adaptive": {"recipe": "dgl-gan-adaptive"},
    "recipe: compressing-gans": {"recipe": "compressing-gans"},
    "recipe: crd": {"recipe": "crd"},
    "recipe: gan-compression": {"recipe": "gan-compression"},
    "recipe: omgd": {"recipe": "omgd"},
    "recipe: stu-stargan": {"recipe": "stu-stargan"},
}
FROM_THE_START = {"adversarial_start": 0.0, "adversarial_full": 0.0, "adversarial_weight": 1.0}
ROWS: dict[str, dict[str, Any]] = {
    **TAUGHT,
    "terms: pixel": {"similarity": "pixel=1"},
    "terms: pixel, feature": {"similarity": "pixel=1,feature=1"},
    "terms: pixel, perceptual": {"similarity": "pixel=1,perceptual=1"},
    "terms: pixel, wavelet": {"similarity": "pixel=1,wavelet=1"},
    "terms: pixel, mmd": {"similarity": "pixel=1,mmd=1"},
    "terms: default, wavelet": {"similarity": "pixel=1,feature=1,perceptual=1,wavelet=1"},
    "terms: default, mmd": {"similarity": "pixel=1,feature=1,perceptual=1,mmd=1"},
    "order: both to the end": {"kd_schedule": "constant"},
    "order: similarity falls to 0": {"kd_weight_end": 0.0},
    "order: adversarial from the start": FROM_THE_START,
    "terms: pixel, feature, adversarial from the start": {
        "similarity": "pixel=1,feature=1",
        **FROM_THE_START,
    },
    "order: similarity alone": {"kd_schedule": "constant", "adversarial_weight": 0.0},
    "order: adversarial from 50 %": {"adversarial_start": 0.5, "adversarial_full": 0.75},
    "order: adversarial from 80 %": {"adversarial_start": 0.8, "adversarial_full": 0.9},
    "adversarial: logistic": {"adversarial": "logistic"},
    "adversarial: relativistic": {"adversarial": "relativistic"},
    "start: magnitude": {"importance": "magnitude"},
}
"""Settings of the search, by the row's name."""


def distill(row: str, seed: int, images: int, settings: Mapping[str, Any]) -> Figures:
    """The figures of one run; those after the training are None if it diverges."""
    import torch

    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    asked = {**settings, **ROWS[row], "rungs": (images,), "seed": seed, "study": "recipes"}
    bench = Workbench(SearchConfig.of(**asked))
    bench.recipe = alone(bench, paths=False) if row == ALONE else without_paths(bench.recipe)
    bench.load_teacher_cache()
    return measured(bench, bench.trainer(bench.student(uniform_student(bench))), images)


def main() -> None:
    """Do what is missing of every row, seed and budget, and print the tables."""
    options = options_of(__doc__, budgets="2M", seeds=5).parse_args()
    if options.quick:
        options.rows, options.images, options.seeds = options.rows or f"^({DEFAULT}|{ALONE})$", 256, 1
    print_tables(distill, ROWS, DEFAULT, options, {})


if __name__ == "__main__":
    main()
