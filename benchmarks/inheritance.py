"""Distance against images seen, of students that start from the teacher's weights, its mapping or nothing.

    python -m benchmarks.inheritance                      # the digits
    python -m benchmarks.inheritance --teacher faces.safetensors --data faces.zip --budget-macs 3M \\
        --extractor cifar-resnet --extractor-weights resnet20.th
    python -m benchmarks.inheritance --quick              # shows that it runs, nothing else
    python -m benchmarks.inheritance --json

All rows have the same architecture (the uniform-width baseline), data order, latents, recipe and schedule;
each row is one training, measured several times.
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

from benchmarks.setting import add_setting, setting, uniform_student

STARTS = ("inherited", "mapping only", "random")


def training(start: str, seed: int, settings: dict[str, Any], images: list[int]) -> list[float]:
    """Distances of one training after each of `images`."""
    import torch

    from nas.config import SearchConfig
    from nas.execution import Workbench
    from search_spaces.stylegan2.style_space import inherit_mapping

    torch.set_num_threads(1)
    config = SearchConfig.of(**settings, seed=seed, rungs=(images[-1],), inherit=start == "inherited")
    bench = Workbench(config)
    student: Any = bench.student(uniform_student(bench))
    if start == "mapping only":
        teacher: Any = bench.teacher.generator
        with torch.no_grad():
            basis = inherit_mapping(teacher.mapping, student.mapping)
            student.w_avg.copy_((teacher.w_avg - basis.origin) @ basis.axes)
    trainer = bench.trainer(student)
    fids = []
    for until in images:
        trainer.train(until)
        fids.append(bench.fidelity.fid(trainer.ema, config.fid_samples, seed=1_000 + seed).value)
    return fids


def main() -> None:
    """Train every row for every seed and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_setting(parser)
    parser.add_argument("--budget-macs", default="2M")
    parser.add_argument("--images", default="0,2000,4000,8000,16000", help="real images seen, increasing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    from nas.budget import parse_quantity

    images = [0, 256] if options.quick else [int(count) for count in options.images.split(",")]
    seeds = 1 if options.quick else options.seeds
    settings = setting(options) | {
        "budget_macs": parse_quantity(options.budget_macs),
        "study": "inheritance",
    }
    fids: dict[str, list[list[float]]] = {start: [] for start in STARTS}
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool,
    ):
        settings["workdir"] = Path(scratch)
        jobs = [
            (start, seed, pool.submit(training, start, seed, settings, images))
            for seed in range(seeds)
            for start in STARTS
        ]
        for start, seed, job in jobs:
            fids[start].append(job.result())
            print(f"{start}, seed {seed}: {fids[start][-1]}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"images": images, "fids": fids}))
        return
    print(f"Distance, median of {seeds} seeds, after so many images\n")
    print(f"{'':14}" + "".join(f"{count:>10}" for count in images))
    for start, runs in fids.items():
        medians = [statistics.median(column) for column in zip(*runs, strict=True)]
        print(f"{start:14}" + "".join(f"{fid:10.2f}" for fid in medians))


if __name__ == "__main__":
    main()
