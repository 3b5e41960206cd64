"""What each ingredient of a brief distillation is worth, on the digits.

    python -m benchmarks.kd_decay                 # 5 seeds, 16,000 images a run
    python -m benchmarks.kd_decay --quick         # 2 seeds, 1,000 images: shows that it runs, nothing else
    python -m benchmarks.kd_decay --json

Rows: KD weight decaying late or early, constant or zero, each with the discriminator started from the
teacher's or fresh; and the student started at random. All rows have the same steps and the same architecture,
the teacher slimmed uniformly to 2 MMACs. A run has failed when its FID is not finite or above 3 times the
median of its row.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

BUDGET_MACS = 2_000_000
FAILED = 3.0  # times the row's median

ROWS: dict[str, dict[str, Any]] = {
    "late decay (50-95 %), warm D": {},
    "early decay (0-60 %), warm D": {"kd_begin": 0.0, "kd_finish": 0.6},
    "constant KD, warm D": {"kd_schedule": "constant"},
    "no KD, warm D": {"kd_schedule": "constant", "kd_start": 0.0},
    "late decay (50-95 %), fresh D": {"warm_discriminator": False},
    "early decay (0-60 %), fresh D": {"warm_discriminator": False, "kd_begin": 0.0, "kd_finish": 0.6},
    "constant KD, fresh D": {"warm_discriminator": False, "kd_schedule": "constant"},
    "no KD, fresh D": {"warm_discriminator": False, "kd_schedule": "constant", "kd_start": 0.0},
    "late decay, warm D, random start": {"inherit": False},
    "late decay, fresh D, random start": {"inherit": False, "warm_discriminator": False},
}


def distill(row: str, seed: int, images: int, scratch: str) -> float:
    """FID of one run; `scratch` keeps the teacher bank, which all runs share."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    config = SearchConfig.of(
        budget_macs=BUDGET_MACS, rungs=(images,), seed=seed, workdir=Path(scratch), study="kd", **ROWS[row]
    )
    bench = Workbench(config)
    trainer = bench.trainer(bench.student(uniform_student(bench)))
    try:
        trainer.train(images)
        return bench.fidelity.fid(trainer.ema, config.fid_samples, seed=1_000 + seed).value
    except (TrainingDivergedError, NonFiniteImagesError):
        return float("inf")


def uniform_student(bench: Any) -> Any:
    """The teacher, slimmed uniformly until it fits the budget."""
    from search_spaces import FixedSuggest

    choices = FixedSuggest({"share": 1.0, **bench.space.uniform()})
    return bench.space.sample(choices, bench.config.budget.load(bench.space))


def summarise(fids: list[float]) -> dict[str, Any]:
    """Median, range and failures of one row."""
    finite = [fid for fid in fids if fid != float("inf")]
    median = statistics.median(fids)
    return {
        "fid": median,
        "range": [min(finite, default=None), max(finite, default=None)],
        "mean": statistics.fmean(finite) if finite else None,
        "std": statistics.stdev(finite) if len(finite) > 1 else 0.0,
        "failed": sum(fid > FAILED * median or fid == float("inf") for fid in fids),
        "fids": fids,
    }


def main() -> None:
    """Run every row for every seed and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=16_000, help="real images a run is shown")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seeds, images = (2, 1_000) if options.quick else (options.seeds, options.images)

    runs = [(row, seed) for seed in range(seeds) for row in ROWS]
    fids: dict[str, list[float]] = {row: [] for row in ROWS}
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool,
    ):
        jobs = [(row, seed, pool.submit(distill, row, seed, images, scratch)) for row, seed in runs]
        for row, seed, job in jobs:
            fids[row].append(job.result())
            print(f"{row}, seed {seed}: FID {fids[row][-1]:.2f}", file=sys.stderr, flush=True)
    table = {row: summarise(values) for row, values in fids.items()}
    if options.json:
        print(json.dumps({"images": images, "seeds": seeds, "budget_macs": BUDGET_MACS, "rows": table}))
        return
    print(f"{images} images a run, seeds 0-{seeds - 1}, FID over 2,000 samples, digits features\n")
    print(f"{'':36} {'median':>7} {'lowest':>7} {'highest':>7} {'mean':>7} {'std':>6} {'failed':>6}")
    for row, s in table.items():
        low, high = s["range"]
        print(
            f"{row:36} {s['fid']:7.2f} {low:7.2f} {high:7.2f} "
            f"{s['mean']:7.2f} {s['std']:6.2f} {s['failed']:>6}"
        )


if __name__ == "__main__":
    main()
