"""A small synthetic table, for replays before anything was distilled."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from benchmarks.tabular.grid import Grid
from benchmarks.tabular.table import COLUMNS, SHARED_COLUMNS, shared_beside
from search_spaces import Utilisation

SEEDS = 4
IMAGES = (1_000, 2_000)
SHARED_TIMES = 4  # as long as an architecture alone


def write_synthetic(path: Path, grid: Grid, utilisation: Utilisation) -> Path:
    """Write a table in which parameters help and some seeds are luckier, and one of shared weights."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for place, architecture in enumerate(grid.all(utilisation)):
            macs, params = grid.macs(architecture), grid.params(architecture)
            for seed in range(SEEDS):
                luck = math.exp(0.1 * math.sin(7 * place + seed))
                for rung, images in enumerate(IMAGES):
                    fid = 1e6 / params * luck / (1 + rung)
                    table.writerow((architecture, seed, images, fid, 1.0, macs, params))
    with shared_beside(path).open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(SHARED_COLUMNS)
        for place, architecture in enumerate(grid.all(utilisation)):
            fid = 1e6 / grid.params(architecture) * math.exp(0.2 * math.sin(5 * place))
            table.writerow((architecture, SHARED_TIMES * IMAGES[-1], fid, SHARED_TIMES, 0.1))
    return path
