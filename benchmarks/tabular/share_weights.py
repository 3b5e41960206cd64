"""Trains weights that all architectures of the grid share, reads every one out, and measures it.

    python -m benchmarks.tabular.share_weights                  # the digits; a quarter of an hour
    python -m benchmarks.tabular.share_weights --quick

The results, beside the table of stand-alone trainings, show whether sub-networks rank as these do.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tabular.distill_all import BUDGET, FID_SEED, QUICK, RECIPE
from benchmarks.tabular.grid import Grid
from benchmarks.tabular.table import SHARED_COLUMNS, TABLE, shared_beside


def main() -> None:
    """Train once, measure all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=64_000, help="that the shared weights are trained for")
    parser.add_argument("--output", type=Path, default=shared_beside(TABLE))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()

    import torch

    from nas.config import SearchConfig
    from nas.execution import STAGES, shared_trainer, train_shared
    from nas.workbench import Workbench
    from search_spaces import Slimmable

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        images = 256 if options.quick else options.images
        settings = {"rungs": (images,), "share_weights": True, "study": "tabular", "workdir": Path(scratch)}
        small = {name: value for name, value in QUICK.items() if options.quick and name != "rungs"}
        bench = Workbench(SearchConfig.of(budget_macs=BUDGET, **RECIPE, **settings, **small))
        began = time.monotonic()
        for stage in range(1, STAGES + 1):
            train_shared(bench, stage)
            print(f"stage {stage} of {STAGES}", file=sys.stderr, flush=True)
        trained, _ = shared_trainer(bench)
        seconds = time.monotonic() - began
        shared = trained.ema
        assert isinstance(shared, Slimmable)
        architectures = Grid(bench.space).all(bench.config.budget.utilisation(bench.space))
        rows = []
        for architecture in architectures[: 2 if options.quick else None]:
            student = shared.read_out(architecture).eval()
            began = time.monotonic()
            fid = bench.fidelity.fid(student, bench.config.fid_samples, FID_SEED).value
            measuring = time.monotonic() - began
            rows.append(
                [str(architecture), trained.images, f"{fid:.4f}", f"{seconds:.1f}", f"{measuring:.2f}"]
            )
    output = sys.stdout if options.quick else options.output.open("w", newline="")
    with output as file:
        csv.writer(file, lineterminator="\n").writerows([SHARED_COLUMNS, *rows])


if __name__ == "__main__":
    main()
