"""What each part of stuStarGAN adds: its terms, and its knobs at equal MACs, for one budget.

    python -m benchmarks.stargan_terms --teacher celeba.safetensors --data celeba.zip,list_attr_celeba.csv \\
        --mirror --budgets 1G --seeds 3 --results terms.jsonl
    python -m benchmarks.stargan_terms --teacher fer.safetensors --data fer.zip --quick     # just runs

The first rows add one term each: the student alone, with the loss of a StarGAN; the L1 to the teacher's
image; features of the teacher's discriminator; what the student's discriminator learns of the teacher's; the
content loss, which is the whole recipe. The others change the uniform-width student and keep its MACs:
skips between encoder and decoder, separable residual blocks, both, two residual blocks. All students inherit
the teacher's weights. Runs of a seed have the same data order.

Figures are of the validation split, medians over seeds: mean FD over attributes before and after training
with its interval (bootstrap, 90 %), the accuracy of a classifier that was trained on the training split, and
the L1 to the input.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results import Figures, Results, run_missing
from benchmarks.rows import parser, summarise
from benchmarks.setting import alone, setting

ALONE = "alone"
NOTHING = {"low": 0.0, "high": 0.0, "discriminator": 0.0, "content": 0.0}
TERMS: dict[str, tuple[str, ...]] = {
    ALONE: (),
    "+ low": ("low",),
    "+ high": ("low", "high"),
    "+ discriminator": ("low", "high", "discriminator"),
    "+ content: stu-stargan": ("low", "high", "discriminator", "content"),
}
"""Terms that keep the recipe's weight, by the row's name."""
SKIPS = {f"skip_{size}": True for size in ("full", "half", "quarter")}
WHOLE = "+ content: stu-stargan"
STUDENTS: dict[str, dict[str, Any]] = {
    "with skips": SKIPS,
    "separable": {"kind": "separable"},
    "separable with skips": {"kind": "separable", **SKIPS},
    "two blocks": {"blocks": 2},
}
"""Choices of the whole recipe's student, by the row's name."""
METRICS = ("fid", "accuracy", "content")
FIGURES = ("before", "fid", "accuracy", "content")


def student_of(bench: Any, row: str) -> Any:
    """The student of `row`, scaled to the budget."""
    from search_spaces import FixedSuggest

    choices = {**bench.space.uniform(), **STUDENTS.get(row, {})}
    kind = choices.pop("kind", None)
    if kind:
        choices |= {name: kind for name in choices if name.startswith("kind_")}
    return bench.space.sample(
        FixedSuggest({"budget_fraction": 1.0, **choices}), bench.config.budget.utilisation(bench.space)
    )


def distill(row: str, seed: int, images: int, settings: Mapping[str, Any]) -> Figures:
    """The figures of one run; those after the training are None if it diverges."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    asked = {"recipe": "stu-stargan", "rungs": (images,), "seed": seed, "study": "terms"}
    bench = Workbench(SearchConfig.of(**{**settings, **asked}))
    kept = TERMS.get(row, TERMS[WHOLE])
    off = {name: value for name, value in NOTHING.items() if name not in kept}
    bench.recipe = alone(bench) if row == ALONE else replace(bench.recipe, **off)
    bench.load_teacher_cache()
    trainer = bench.trainer(bench.student(student_of(bench, row)))
    samples, measured_from = bench.config.fid_samples, 1_000 + seed
    trainer.train(0)
    figures: Figures = dict.fromkeys(FIGURES)
    figures["before"] = bench.fidelity.fid(trainer.ema, samples, measured_from).value
    try:
        trainer.train(images)
        scores = bench.fidelity.measure(trainer.ema, METRICS, samples, measured_from)
    except (TrainingDivergedError, NonFiniteImagesError):
        return figures
    values = {name: value for score in scores.values() for name, value in score.values.items()}
    return figures | {name: values[name] for name in METRICS}


def show(rows: Mapping[str, list[Figures]]) -> None:
    """Print a table."""
    print(f"{'':26}{'before':>9}{'FD':>9}  {'90 % interval':>17}{'accuracy':>10}{'content':>9}")
    for row, runs in rows.items():
        fids = summarise([math.inf if run["fid"] is None else run["fid"] for run in runs])
        low, high = fids["interval"]
        before, accuracy, content = (_median(runs, name) for name in ("before", "accuracy", "content"))
        distances = f"{before:9.1f}{fids['fid']:9.1f}  {low:8.1f} {high:8.1f}"
        print(f"{row:26}{distances}{accuracy:10.3f}{content:9.3f}")


def _median(runs: list[Figures], name: str) -> float:
    values = [value for run in runs if (value := run[name]) is not None]
    return statistics.median(values) if values else math.nan


def main() -> None:
    """Do what is missing of every row, seed and budget, and print the tables."""
    from nas.budget import parse_quantity

    asked = parser(__doc__, budgets="10M", seeds=3)
    asked.add_argument("--results", type=Path, help="file of finished runs, which are not done again")
    options = asked.parse_args()
    names = [*TERMS, *STUDENTS]
    if options.quick:
        options.rows, options.images, options.seeds = options.rows or f"^({ALONE}|separable)$", 64, 1
    names = [name for name in names if re.search(options.rows, name)]
    settings, results = setting(options), Results(options.results)
    runs = {
        (budget, row, seed): {**settings, "budget_macs": parse_quantity(budget)}
        | {"row": row, "seed": seed, "images": options.images}
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for budget in options.budgets.split(",")
        for row in names
    }
    run_missing(distill, runs, settings, results, options.processes)
    for budget in options.budgets.split(","):
        found: dict[str, list[Figures]] = {}
        for (of, row, _), run in runs.items():
            if of == budget:
                found.setdefault(row, []).append(results[run])
        if options.json:
            print(json.dumps({"budget": budget, "images": options.images, "rows": found}))
        else:
            print(f"{budget} MACs, {options.images} images a run, {options.seeds} seeds\n")
            show(found)


if __name__ == "__main__":
    main()
