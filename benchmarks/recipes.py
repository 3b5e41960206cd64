"""What recipes, terms, orders and starts make of the same student and the same number of images.

    python -m benchmarks.recipes --seeds 5 --results digits.jsonl     # the digits, 16,000 images a run
    python -m benchmarks.recipes --teacher faces.safetensors --data faces.zip --mirror --budgets 3M \\
        --batch-size 32 --extractor cifar-resnet --extractor-weights resnet20.th --results faces.jsonl
    python -m benchmarks.recipes --quick --json                     # shows that it runs, nothing else

A row differs from the first, the default of `nas-search`, in what its name says; `alone` is the family's
own training, without a teacher. Rows that don't go with the teacher are left out. The student is the
uniform-width baseline. Runs of a seed have the same data order and latents. Images are real images shown, so
a row with several discriminator steps takes fewer steps of the student.

Figures are medians over seeds: FD before and after training, its interval (bootstrap, 90 %), KID, recall,
images a second (of one core's time, or with a GPU of wall-clock time). `vs default` is the ratio of FDs over
paired seeds with its 95 % interval (`benchmarks.paired`); * marks rows whose interval excludes 1. † marks
rows that are not better than the best student before any training.

`--results` keeps every finished run in a file: the same command continues, and runs what is missing.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.paired import ratio
from benchmarks.results import Figures, Results, run_missing
from benchmarks.rows import parser, summarise
from benchmarks.setting import alone, setting, uniform_student

ALONE = "alone"
DEFAULT = "default"
NO_BUDGET = 10**15
METRICS = ("fid", "kid", "prc")
FIGURES = ("before", "fid", "kid", "recall", "images_per_second")
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
SCRATCH = {"inherit": False, "warm_discriminator": False}
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
    **{f"{row}, start: random": {**settings, **SCRATCH} for row, settings in TAUGHT.items()},
}
"""Settings of the search, by the row's name; rows that start with `ALONE` have no teacher."""


def refused(row: str, settings: Mapping[str, Any]) -> bool:
    """Whether `row` does not go with the teacher or what is installed; says why."""
    from nas.config import SearchConfig
    from nas.workbench import Workbench
    from search_spaces import UserError

    try:
        Workbench(SearchConfig.of(**{**settings, **ROWS[row], "budget_macs": NO_BUDGET, "study": "recipes"}))
    except UserError as error:
        print(f"{row}: {error}", file=sys.stderr)
        return True
    return False


def distill(row: str, seed: int, images: int, settings: Mapping[str, Any]) -> Figures:
    """The figures of one run; those after the training are None if it diverges."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    asked = {**settings, **ROWS[row], "rungs": (images,), "seed": seed, "study": "recipes"}
    bench = Workbench(SearchConfig.of(**asked))
    if row.startswith(ALONE):
        bench.recipe = alone(bench)
    bench.load_teacher_cache()
    trainer = bench.trainer(bench.student(uniform_student(bench)))
    samples, measured_from = bench.config.fid_samples, 1_000 + seed
    trainer.train(0)
    figures: Figures = dict.fromkeys(FIGURES)
    figures["before"] = bench.fidelity.fid(trainer.ema, samples, measured_from).value
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    try:
        trainer.train(images)
        figures["images_per_second"] = trainer.images / (clock() - began)
        scores = bench.fidelity.measure(trainer.ema, METRICS, samples, measured_from)
    except (TrainingDivergedError, NonFiniteImagesError):
        return figures
    values = {name: value for score in scores.values() for name, value in score.values.items()}
    return figures | {name: values[name] for name in ("fid", "kid", "recall")}


def table(found: Mapping[str, Sequence[Figures]]) -> dict[str, dict[str, Any]]:
    """The rows of one budget as figures: see above."""
    fids = {row: [_or_infinite(run["fid"]) for run in runs] for row, runs in found.items()}
    medians = {row: {name: _median(runs, name) for name in FIGURES} for row, runs in found.items()}
    untrained = min(each["before"] for each in medians.values())
    rows: dict[str, dict[str, Any]] = {}
    for row in found:
        compared = ratio(fids[row], fids[DEFAULT]) if DEFAULT in found and row != DEFAULT else None
        rows[row] = medians[row] | summarise(fids[row])
        rows[row]["useless"] = rows[row]["fid"] >= untrained
        rows[row]["ratio"] = compared and [compared.value, compared.low, compared.high]
        rows[row]["significant"] = compared is not None and compared.significant
    return rows


def _median(runs: Sequence[Figures], name: str) -> float:
    values = [value for run in runs if (value := run[name]) is not None]
    return statistics.median(values) if values else math.nan


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def show(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table."""
    widths = f"{'before':>9}{'FD':>9}  {'90 % interval':>17}{'KID':>9}{'recall':>8}{'images/s':>10}"
    print(f"{'':40}{widths}  {'vs default, 95 %':<22}")
    for row, each in rows.items():
        low, high = each["interval"]
        marks = "*" * each["significant"] + "†" * each["useless"]
        compared = "{:.2f} ({:.2f}-{:.2f})".format(*each["ratio"]) if each["ratio"] else ""
        failed = f"  {each['failed']} failed" if each["failed"] else ""
        figures = f"{each['before']:9.2f}{each['fid']:9.2f}  {low:8.2f} {high:8.2f}{each['kid']:9.4f}"
        figures += f"{each['recall']:8.3f}{each['images_per_second']:10.0f}"
        print(f"{row:40}{figures}  {compared:<18}{marks}{failed}")


def main() -> None:
    """Do what is missing of every row, seed and budget, and print the tables."""
    from nas.budget import parse_quantity

    asked = parser(__doc__, budgets="2M", seeds=5)
    asked.add_argument("--results", type=Path, help="file of finished runs, which are not done again")
    options = asked.parse_args()
    if options.quick:
        options.rows, options.images, options.seeds = options.rows or f"^({DEFAULT}|{ALONE})$", 256, 1
    settings, results = setting(options), Results(options.results)
    names = [name for name in ROWS if re.search(options.rows, name) and not refused(name, settings)]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    budgets = {text: parse_quantity(text) for text in options.budgets.split(",")}
    runs = {
        (budget, row, seed): {**settings, **ROWS[row], "budget_macs": macs}
        | {"row": row, "seed": seed, "images": options.images}
        for seed in seeds
        for budget, macs in budgets.items()
        for row in names
    }
    run_missing(distill, runs, settings, results, options.processes)
    tables = {
        budget: table({row: [results[runs[budget, row, seed]] for seed in seeds] for row in names})
        for budget in budgets
    }
    if options.json:
        print(json.dumps({"images": options.images, "seeds": list(seeds), "budgets": tables}))
        return
    for budget, rows in tables.items():
        print(f"{budget} MACs, {options.images} images a run, seeds {seeds[0]}-{seeds[-1]}\n")
        show(rows)
        print()


if __name__ == "__main__":
    main()
