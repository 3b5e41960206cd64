"""One student taught in many ways, as a table: a row is a way, its figure the median distance over seeds.

All runs of a seed have the same data order, latents and steps; the architecture is the
uniform-width baseline. The interval is that of the median over seeds (bootstrap, 90 %). A run has failed
when its distance is not finite or above 3 times the median of its row.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

import numpy as np

from benchmarks.setting import add_setting

FAILED = 3.0  # times the row's median
RESAMPLES = 2_000


def parser(about: str | None, budgets: str, seeds: int) -> argparse.ArgumentParser:
    """A parser of the options of a table."""
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


def summarise(fids: list[float]) -> dict[str, Any]:
    """Median with its interval, and failures, of one row."""
    median = statistics.median(fids)
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(fids, (RESAMPLES, len(fids))), axis=1)
    low, high = np.percentile(medians, (5, 95), method="nearest")
    failed = sum(fid > FAILED * median or fid == float("inf") for fid in fids)
    return {"fid": median, "interval": [float(low), float(high)], "failed": failed, "fids": fids}
