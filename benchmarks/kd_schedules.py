"""How a brief distillation should be taught: schedules of the KD weight, terms, discriminators, budgets.

    python -m benchmarks.kd_schedules                               # the digits, 5 seeds, 16,000 images a run
    python -m benchmarks.kd_schedules --rows "both, warm" --images 8000
    python -m benchmarks.kd_schedules --teacher faces.safetensors --data faces.zip --mirror --budgets 3M \\
        --batch-size 32 --extractor cifar-resnet --extractor-weights resnet20.th --seeds 3
    python -m benchmarks.kd_schedules --quick --json                # shows that it runs, nothing else

A row is a schedule, what is compared with the teacher (images: L1; features: L1 in the teacher's
discriminator; both) and where the student's discriminator starts (the teacher's: warm; fresh). All rows of a
seed have the same data order, latents and steps; the architecture is the teacher slimmed uniformly to the
budget, and starts from the teacher's weights but for two rows. The interval is that of the median over seeds
(bootstrap, 90 %). A run has failed when its FID is not finite or above 3 times the median of its row.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.setting import add_setting, setting, uniform_student

FAILED = 3.0  # times the row's median
RESAMPLES = 2_000

SCHEDULES: dict[str, dict[str, Any]] = {
    "none": {"kd_schedule": "constant", "kd_start": 0.0},
    "constant": {"kd_schedule": "constant"},
    "linear 0-100 %": {"kd_schedule": "linear", "kd_begin": 0.0, "kd_finish": 1.0},
    "cosine 0-60 %": {"kd_begin": 0.0, "kd_finish": 0.6},
    "cosine 60-100 %": {},
    "adaptive": {"kd_schedule": "adaptive", "kd_begin": 0.0, "kd_finish": 1.0},
}
TERMS = {"both": {}, "images": {"feature": 0.0}, "features": {"pixel": 0.0}}
DISCRIMINATORS = {"warm": True, "fresh": False}


def rows() -> dict[str, tuple[dict[str, Any], dict[str, float]]]:
    """Settings of the search and of the recipe, by the row's name. Without KD there is one row a critic."""
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
    """FID of one run."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    of_the_search, of_the_recipe = rows()[row]
    asked = settings | of_the_search
    bench = Workbench(SearchConfig.of(**asked, rungs=(images,), seed=seed, study="kd"))
    bench.recipe = replace(bench.recipe, **of_the_recipe)  # type: ignore[type-var]
    trainer = bench.trainer(bench.student(uniform_student(bench)))
    try:
        trainer.train(images)
        return bench.fidelity.fid(trainer.ema, bench.config.fid_samples, seed=1_000 + seed).value
    except (TrainingDivergedError, NonFiniteImagesError):
        return float("inf")


def summarise(fids: list[float]) -> dict[str, Any]:
    """Median with its interval, and failures, of one row."""
    median = statistics.median(fids)
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(fids, (RESAMPLES, len(fids))), axis=1)
    low, high = np.percentile(medians, (5, 95), method="nearest")
    failed = sum(fid > FAILED * median or fid == float("inf") for fid in fids)
    return {"fid": median, "interval": [float(low), float(high)], "failed": failed, "fids": fids}


def main() -> None:
    """Run every row for every seed and budget and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_setting(parser)
    parser.add_argument("--budgets", default="2M,1M", help="MACs, separated by commas")
    parser.add_argument("--kd-start", type=float, help="KD weight at the start, of all rows but none")
    parser.add_argument("--images", type=int, default=16_000, help="real images a run is shown")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", default="", help="only rows whose name matches this regular expression")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    from nas.budget import parse_quantity

    if options.quick:
        options.rows, options.budgets = options.rows or "(none|constant|60-100).*both, warm", "2M"
        options.images, options.seeds = 256, 2
    names = [name for name in rows() if re.search(options.rows, name)]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    budgets = {text: parse_quantity(text) for text in options.budgets.split(",")}
    settings = setting(options) | {"kd_start": options.kd_start}
    tables: dict[str, dict[str, Any]] = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool,
    ):
        settings["workdir"] = Path(scratch)  # keeps the teacher bank, which all runs share
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
            print(f"{budget}, {name}: FID {found[-1]:.2f}", file=sys.stderr, flush=True)
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


if __name__ == "__main__":
    main()
