"""Distance and recall against images seen, of students that inherit the teacher's weights, or start without.

    python -m benchmarks.inheritance                      # the digits
    python -m benchmarks.inheritance --teacher faces.safetensors --data faces.zip --budget-macs 3M \\
        --extractor cifar-resnet --extractor-weights resnet20.th
    python -m benchmarks.inheritance --quick              # shows that it runs, nothing else
    python -m benchmarks.inheritance --json

Inherited channels are ranked by magnitude, or by image difference (`--importance`); `mapping only` inherits a
StyleGAN2's mapping network alone. All rows have the same architecture (the uniform-width baseline), data
order, latents, recipe and schedule; each row is one training, measured several times.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.setting import add_setting, setting, uniform_student

MAPPING = "mapping only"
STARTS: dict[str, dict[str, Any]] = {
    "image difference": {},
    "magnitude": {"importance": "magnitude"},
    MAPPING: {"inherit": False},
    "random": {"inherit": False},
}
"""Settings of the search, by the row's name."""


def starts(teacher: Path | None) -> list[str]:
    """The rows that go with the file `teacher`."""
    from distill.teachers import load_teacher

    has_mapping = hasattr(load_teacher(teacher).generator, "mapping")
    return [start for start in STARTS if has_mapping or start != MAPPING]


def training(start: str, seed: int, settings: dict[str, Any], images: list[int]) -> dict[str, list[float]]:
    """FIDs and recalls of one training after each of `images`."""
    import torch

    from nas.config import SearchConfig
    from nas.workbench import Workbench
    from search_spaces.stylegan2.style_space import inherit_mapping

    torch.set_num_threads(1)
    config = SearchConfig.of(**settings, **STARTS[start], seed=seed, rungs=(images[-1],))
    bench = Workbench(config)
    student: Any = bench.student(uniform_student(bench))
    if start == MAPPING:
        teacher: Any = bench.teacher.generator
        with torch.no_grad():
            basis = inherit_mapping(teacher.mapping, student.mapping)
            student.w_avg.copy_((teacher.w_avg - basis.origin) @ basis.axes)
    trainer = bench.trainer(student)
    found: dict[str, list[float]] = {"fid": [], "recall": []}
    for until in images:
        trainer.train(until)
        scores = bench.fidelity.measure(trainer.ema, ("fid", "prc"), config.fid_samples, seed=1_000 + seed)
        found["fid"].append(scores["fid"].values["fid"])
        found["recall"].append(scores["prc"].values["recall"])
    return found


def main() -> None:
    """Train every row for every seed and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_setting(parser)
    parser.add_argument("--budget-macs", default="2M")
    parser.add_argument("--images", default="0,1000,4000,16000", help="real images seen, increasing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    from nas.budget import parse_quantity

    images = [0, 256] if options.quick else [int(count) for count in options.images.split(",")]
    seeds = 1 if options.quick else options.seeds
    settings = setting(options) | {
        "budget_macs": parse_quantity(options.budget_macs),
        "study": "inheritance",
    }
    rows = starts(options.teacher)
    found: dict[str, list[dict[str, list[float]]]] = {start: [] for start in rows}
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool,
    ):
        settings["workdir"] = Path(scratch)
        jobs = [
            (start, seed, pool.submit(training, start, seed, settings, images))
            for seed in range(seeds)
            for start in rows
        ]
        for start, seed, job in jobs:
            found[start].append(job.result())
            print(f"{start}, seed {seed}: {found[start][-1]}", file=sys.stderr, flush=True)
    fids, recalls = (
        {start: [run[name] for run in runs] for start, runs in found.items()} for name in ("fid", "recall")
    )
    if options.json:
        print(json.dumps({"images": images, "fids": fids, "recalls": recalls}))
        return
    show(f"Distance (median of {seeds} seeds) after so many images", images, fids, "10.2f")
    show("Recall", images, recalls, "10.3f")


def show(title: str, images: Sequence[int], runs: dict[str, list[list[float]]], form: str) -> None:
    """Print a table of medians."""
    print(f"{title}\n")
    print(f"{'':18}" + "".join(f"{count:>10}" for count in images))
    for start, values in runs.items():
        medians = [statistics.median(column) for column in zip(*values, strict=True)]
        print(f"{start:18}" + "".join(f"{median:{form}}" for median in medians))
    print()


if __name__ == "__main__":
    main()
