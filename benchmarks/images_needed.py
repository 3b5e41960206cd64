"""What a training step costs, and how many images a student needs: the default order against another.

    python -m benchmarks.images_needed --teacher faces.safetensors --data faces.zip --mirror --budgets 3M
    python -m benchmarks.images_needed --quick --json              # shows that it runs, nothing else

The other order is adversarial training with the teacher's terms from the start, without a perceptual
distance and at the family's learning rate: every step trains the discriminator. It gets all --images; the
default gets all of them, half and a quarter, each with its whole schedule. `time` is that of a real image
shown, as a ratio to the first row of the same seed; FDs are medians over seeds, and `FD, ratio` compares
paired seeds with a 95 % interval (`benchmarks.paired`). The last row tells what the perceptual distance
takes of the step. All runs are made one after another, in turns over seeds, whatever --processes says.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.paired import ratio
from benchmarks.recipes import distill
from benchmarks.results import Figures
from benchmarks.rows import parser
from benchmarks.setting import setting

FROM_THE_START = {
    "adversarial_start": 0.0,
    "adversarial_full": 0.0,
    "adversarial_weight": 1.0,
    "kd_weight_end": 0.0,
    "similarity": "pixel=1,feature=1",
}
OTHER = "adversarial from the start"
ROWS: dict[str, tuple[dict[str, Any], float]] = {
    OTHER: (FROM_THE_START, 1.0),
    "default": ({}, 1.0),
    "default, half of the images": ({}, 0.5),
    "default, a quarter of the images": ({}, 0.25),
    "default without the perceptual distance": ({"similarity": "pixel=1,feature=1"}, 1.0),
}
"""Settings of a search and the part of the images that a row gets, by its name."""


def table(found: Mapping[str, Sequence[Figures]]) -> dict[str, dict[str, Any]]:
    """The rows as figures: see above."""
    rows: dict[str, dict[str, Any]] = {}
    for row, runs in found.items():
        fds = [_number(run["fid"]) for run in runs]
        compared = ratio(fds, [_number(run["fid"]) for run in found[OTHER]]) if row != OTHER else None
        rows[row] = {
            "before": statistics.median(_number(run["before"]) for run in runs),
            "fid": statistics.median(fds),
            "time": statistics.median(map(_slower, runs, found[OTHER])),
            "ratio": compared and [compared.value, compared.low, compared.high],
        }
    return rows


def _slower(run: Figures, other: Figures) -> float:
    """The time of an image in `run` / that in `other`."""
    return _number(other["images_per_second"]) / _number(run["images_per_second"])


def _number(value: float | None) -> float:
    return float("inf") if value is None else value


def main() -> None:
    """Train every row for every seed, and print the table."""
    from nas.budget import parse_quantity

    options = parser(__doc__, budgets="2M", seeds=3).parse_args()
    if options.quick:
        options.images, options.seeds, options.batch_size = 512, 1, 32
    settings = setting(options) | {"budget_macs": parse_quantity(options.budgets)}
    rows = {row: each for row, each in ROWS.items() if row == OTHER or re.search(options.rows, row)}
    found: dict[str, list[Figures]] = {row: [] for row in rows}
    with tempfile.TemporaryDirectory() as scratch:
        settings["workdir"] = Path(scratch)  # keeps the teacher cache
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for row, (changed, part) in rows.items():
                found[row].append(distill("default", seed, int(options.images * part), settings | changed))
                print(f"{row}, seed {seed}: {found[row][-1]}", file=sys.stderr, flush=True)
    figures = table(found)
    if options.json:
        print(json.dumps({"images": options.images, "seeds": options.seeds, "rows": figures}))
        return
    print(f"{options.budgets} MACs, {options.images} images, {options.seeds} seeds\n")
    print(f"{'':42}{'before':>9}{'FD':>9}  {'FD, ratio (95 %)':20}{'time':>6}")
    for row, each in figures.items():
        compared = "{:.2f} ({:.2f}-{:.2f})".format(*each["ratio"]) if each["ratio"] else ""
        print(f"{row:42}{each['before']:9.2f}{each['fid']:9.2f}  {compared:20}{each['time']:6.2f}")


if __name__ == "__main__":
    main()
