"""A table of ways to teach the same student, compared with one of them over paired seeds.

Figures are medians over seeds: FD before and after training, its interval (bootstrap, 90 %), KID, recall,
images a second (of one core's time, or with a GPU of wall-clock time). The ratio of FDs over paired seeds has
its 95 % interval (`benchmarks.paired`) and what it says: lower, higher, or not detectable, with the least
effect that these seeds detect (power 80 %). * marks rows whose interval excludes 1, † rows that are not
better than the best student before any training.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.paired import detectable, ratio, verdict
from benchmarks.results import Figures, Results, run_missing, write_csv
from benchmarks.rows import parser, summarise
from benchmarks.setting import setting

NO_BUDGET = 10**15
LOSSES = 2  # of recipes and rows: results of others are not taken up
METRICS = ("fid", "kid", "prc")
FIGURES = ("before", "fid", "kid", "recall", "images_per_second")

Distill = Callable[[str, int, int, Mapping[str, Any]], Figures]
"""Figures of a row, for a seed, after so many images, in a setting; of a module, as processes call it."""


def measured(bench: Any, trainer: Any, images: int, train: Callable[[], None] | None = None) -> Figures:
    """The figures of one run; those after the training are None if it diverges.

    `train` takes the place of `trainer.train(images)`.
    """
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError

    samples, measured_from = bench.config.fid_samples, 1_000 + bench.config.seed
    trainer.train(0)
    figures: Figures = dict.fromkeys(FIGURES)
    figures["before"] = bench.fidelity.fid(trainer.ema, samples, measured_from).value
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    try:
        if train is None:
            trainer.train(images)
        else:
            train()
        figures["images_per_second"] = trainer.images / (clock() - began)
        scores = bench.fidelity.measure(trainer.ema, METRICS, samples, measured_from)
    except (TrainingDivergedError, NonFiniteImagesError):
        return figures
    values = {name: value for score in scores.values() for name, value in score.values.items()}
    return figures | {name: values[name] for name in ("fid", "kid", "recall")}


def refused(row: str, settings: Mapping[str, Any]) -> bool:
    """Whether a search with `settings` does not go with the teacher or what is installed; says why."""
    from nas.config import SearchConfig
    from nas.workbench import Workbench
    from search_spaces import UserError

    try:
        bench = Workbench(SearchConfig.of(**{**settings, "budget_macs": NO_BUDGET, "study": "table"}))
    except UserError as error:
        print(f"{row}: {error}", file=sys.stderr)
        return True
    if "perceptual" in str(settings.get("similarity") or "") and bench.distance is None:
        print(f"{row}: there is no perceptual distance for these images", file=sys.stderr)
        return True
    return False


def table(found: Mapping[str, Sequence[Figures]], reference: str) -> dict[str, dict[str, Any]]:
    """The rows of one budget as figures, compared with the row `reference` if it is there."""
    fids = {row: [_or_infinite(run["fid"]) for run in runs] for row, runs in found.items()}
    medians = {row: {name: _median(runs, name) for name in FIGURES} for row, runs in found.items()}
    untrained = min(each["before"] for each in medians.values())
    rows: dict[str, dict[str, Any]] = {}
    for row in found:
        others = fids[reference] if reference in found and row != reference else None
        compared = ratio(fids[row], others) if others else None
        rows[row] = medians[row] | summarise(fids[row])
        rows[row]["useless"] = rows[row]["fid"] >= untrained
        rows[row]["ratio"] = compared and [compared.value, compared.low, compared.high]
        rows[row]["significant"] = compared is not None and compared.significant
        rows[row]["detectable"] = detectable(fids[row], others) if others else None
        rows[row]["verdict"] = verdict(fids[row], others) if others else ""
    return rows


def _median(runs: Sequence[Figures], name: str) -> float:
    values = [value for run in runs if (value := run[name]) is not None]
    return statistics.median(values) if values else math.nan


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def show(rows: Mapping[str, Mapping[str, Any]], reference: str) -> None:
    """Print a table."""
    widths = f"{'before':>9}{'FD':>9}  {'90 % interval':>17}{'KID':>9}{'recall':>8}{'images/s':>10}"
    print(f"{'':44}{widths}  vs {reference}, 95 %")
    for row, each in rows.items():
        low, high = each["interval"]
        marks = "*" * each["significant"] + "†" * each["useless"]
        compared = "{:.2f} ({:.2f}-{:.2f})".format(*each["ratio"]) if each["ratio"] else ""
        failed = f"  {each['failed']} failed" if each["failed"] else ""
        figures = f"{each['before']:9.2f}{each['fid']:9.2f}  {low:8.2f} {high:8.2f}{each['kid']:9.4f}"
        figures += f"{each['recall']:8.3f}{each['images_per_second']:10.0f}"
        print(f"{row:44}{figures}  {compared:18}{marks:3}{each['verdict']}{failed}")


def options_of(about: str | None, budgets: str, seeds: int) -> argparse.ArgumentParser:
    """A parser of the options that `print_tables` reads."""
    asked = parser(about, budgets=budgets, seeds=seeds)
    asked.add_argument("--results", type=Path, help="file of finished runs, which are not done again")
    asked.add_argument("--csv", type=Path, help="write a line for every run")
    return asked


def print_tables(
    distill: Distill,
    rows: Mapping[str, Mapping[str, Any]],  # settings of a search, by the row's name
    reference: str,  # the row that others are compared with
    options: argparse.Namespace,
    more: Mapping[str, Any],  # settings of all runs besides the options'
) -> None:
    """Do what is missing of every row, seed and budget, and print the tables."""
    from nas.budget import parse_quantity

    settings, results = {**setting(options), **more}, Results(options.results)
    asked: Iterable[str] = (name for name in rows if re.search(options.rows, name))
    names = [name for name in asked if not refused(name, {**settings, **rows[name]})]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    budgets = {text: parse_quantity(text) for text in options.budgets.split(",")}
    runs = {
        (budget, row, seed): {**settings, **rows[row], "budget_macs": macs}
        | {"row": row, "seed": seed, "images": options.images, "losses": LOSSES}
        for seed in seeds
        for budget, macs in budgets.items()
        for row in names
    }
    run_missing(distill, runs, settings, results, options.processes)
    tables = {
        budget: table({row: [results[runs[budget, row, seed]] for seed in seeds] for row in names}, reference)
        for budget in budgets
    }
    if options.csv:
        keys = ("budget", "row", "seed")
        named = [(dict(zip(keys, name, strict=True)), results[run]) for name, run in runs.items()]
        write_csv(options.csv, [{**name, **figures} for name, figures in named])
    if options.json:
        print(json.dumps({"images": options.images, "seeds": list(seeds), "budgets": tables}))
        return
    for budget, found in tables.items():
        print(f"{budget} MACs, {options.images} images a run, seeds {seeds[0]}-{seeds[-1]}\n")
        show(found, reference)
        print()
