"""Distills every architecture of the grid from several seeds, and appends what it measures to the table.

    python -m benchmarks.tabular.distill_all --seeds 6          # the digits; hours on two cores
    python -m benchmarks.tabular.distill_all --quick            # shows that it runs, nothing else

One row for every architecture, seed and rung. Rows that are there are not measured again, so it may be
stopped and started at will; the same seed gives all architectures the same data order and latents.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.tabular.grid import Grid
from benchmarks.tabular.table import COLUMNS, TABLE

BUDGET = 2_000_000  # MACs
RUNGS = (1_000, 2_000, 4_000, 8_000)
RECIPE = {
    "kd_weight_start": 3.0,
    "kd_decay_start": 0.5,
    "kd_decay_end": 0.95,
}  # the defaults when the table was begun
QUICK: dict[str, Any] = {"rungs": (64, 128), "fid_samples": 100, "teacher_cache_size": 128}
FID_SEED = 1_000


@cache
def workbench(seed: int, workdir: Path, quick: bool = False) -> Any:
    """The service's own workbench: what is tabulated is what a search would measure."""
    import torch

    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    settings = {"rungs": RUNGS, **RECIPE, **(QUICK if quick else {})}
    return Workbench(
        SearchConfig.of(budget_macs=BUDGET, seed=seed, study="tabular", workdir=workdir, **settings)
    )


def grid() -> list[Any]:
    """All architectures."""
    bench = workbench(0, Path())
    return Grid(bench.space).all(bench.config.budget.utilisation(bench.space))


def distill(index: int, seed: int, workdir: Path, quick: bool) -> list[list[Any]]:
    """The rows of one architecture and seed."""
    from nas.budget import measure

    bench = workbench(seed, workdir, quick)
    architecture = grid()[index]
    trainer = bench.trainer(bench.student(architecture))
    cost, rows = measure(trainer.ema), []
    for until in bench.config.rungs:
        began = time.monotonic()
        trainer.train(until)
        fid = bench.fidelity.fid(trainer.ema, bench.config.fid_samples, FID_SEED).value
        seconds = time.monotonic() - began
        rows.append(
            [str(architecture), seed, trainer.images, f"{fid:.4f}", f"{seconds:.2f}", *vars(cost).values()]
        )
    return rows


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.table = Path(tempfile.mkdtemp(), "quick.csv")

    done: set[tuple[str, int]] = set()
    if options.table.exists():
        with options.table.open(newline="") as file:
            done = {(row["architecture"], int(row["seed"])) for row in csv.DictReader(file)}
    else:
        options.table.write_text(",".join(COLUMNS) + "\n")
    architectures = [str(architecture) for architecture in grid()][: 2 if options.quick else None]
    seeds = range(1 if options.quick else options.seeds)
    missing = [(i, s) for s in seeds for i, name in enumerate(architectures) if (name, s) not in done]
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool,
        options.table.open("a", newline="") as file,
    ):
        workbench(
            0, Path(scratch), options.quick
        ).load_teacher_cache()  # before several processes want it at once
        table = csv.writer(file, lineterminator="\n")
        jobs = ((*job, Path(scratch), options.quick) for job in missing)
        for count, rows in enumerate(pool.map(distill, *zip(*jobs, strict=True)), 1):
            table.writerows(rows)
            file.flush()
            print(f"{count} of {len(missing)}: {rows[-1]}", file=sys.stderr, flush=True)
    if options.quick:
        print(options.table.read_text())


if __name__ == "__main__":
    main()
