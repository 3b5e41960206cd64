"""One student taught in many ways, as a table: a row is a way, its figure the median distance over seeds.

All runs of a seed have the same data order, latents and steps; the architecture is the
uniform-width baseline. The interval is that of the median over seeds (bootstrap, 90 %). A run has failed
when its distance is not finite or above 3 times the median of its row.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.setting import add_setting, setting, uniform_student

FAILED = 3.0  # times the row's median
RESAMPLES = 2_000

Distill = Callable[[str, int, int, dict[str, Any]], float]
"""Distance of a row, for a seed, after so many images, in a setting; of a module, as processes call it."""


def parser(about: str | None, budgets: str, seeds: int) -> argparse.ArgumentParser:
    """A parser of the options that `run_rows` reads."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting(options)
    options.add_argument("--budgets", default=budgets, help="MACs, separated by commas")
    options.add_argument("--images", type=int, default=16_000, help="real images a run is shown")
    options.add_argument("--seeds", type=int, default=seeds)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--rows", default="", help="only rows whose name matches this regular expression")
    options.add_argument("--processes", type=int, default=os.cpu_count())
    options.add_argument("--json", action="store_true")
    return options


def fid_after(bench: Any, images: int) -> float:
    """Distance of the uniform-width baseline, distilled on `bench`; infinite if training diverges."""
    from distill.errors import NonFiniteImagesError, TrainingDivergedError

    trainer = bench.trainer(bench.student(uniform_student(bench)))
    try:
        trainer.train(images)
        found: float = bench.fidelity.fid(
            trainer.ema, bench.config.fid_samples, seed=1_000 + bench.config.seed
        ).value
    except (TrainingDivergedError, NonFiniteImagesError):
        return float("inf")
    return found


def summarise(fids: list[float]) -> dict[str, Any]:
    """Median with its interval, and failures, of one row."""
    median = statistics.median(fids)
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(fids, (RESAMPLES, len(fids))), axis=1)
    low, high = np.percentile(medians, (5, 95), method="nearest")
    failed = sum(fid > FAILED * median or fid == float("inf") for fid in fids)
    return {"fid": median, "interval": [float(low), float(high)], "failed": failed, "fids": fids}


def run_rows(
    distill: Distill,
    names: Iterable[str],
    options: argparse.Namespace,
    more: dict[str, Any],  # settings of all runs besides the options'
) -> None:
    """Run every row for every seed and budget, and print the tables."""
    from nas.budget import parse_quantity

    names = [name for name in names if re.search(options.rows, name)]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    budgets = {text: parse_quantity(text) for text in options.budgets.split(",")}
    settings = setting(options) | more
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool,
    ):
        settings["workdir"] = Path(scratch)  # keeps the teacher cache, which all runs share
        jobs = [
            (budget, name, pool.submit(distill, name, seed, options.images, settings | {"budget_macs": macs}))
            for seed in seeds
            for budget, macs in budgets.items()
            for name in names
        ]
        fids: dict[str, dict[str, list[float]]] = {}
        for budget, name, job in jobs:
            found = fids.setdefault(budget, {}).setdefault(name, [])
            found.append(job.result())
            print(f"{budget}, {name}: distance {found[-1]:.2f}", file=sys.stderr, flush=True)
    tables = {
        budget: {name: summarise(values) for name, values in found.items()} for budget, found in fids.items()
    }
    if options.json:
        print(json.dumps({"images": options.images, "seeds": list(seeds), "budgets": tables}))
        return
    for budget, table in tables.items():
        print(f"{budget} MACs, {options.images} images a run, seeds {seeds[0]}-{seeds[-1]}\n")
        print(f"{'':46} {'median':>7} {'lowest':>7} {'highest':>7} {'90 % interval':>17} {'failed':>7}")
        for name, s in table.items():
            low, high = s["interval"]
            ends = f"{min(s['fids']):7.2f} {max(s['fids']):7.2f}"
            print(f"{name:46} {s['fid']:7.2f} {ends} {low:8.2f} {high:8.2f} {s['failed']:>7}")
        print()
