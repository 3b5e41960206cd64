"""The table of "Compressing GANs" (arXiv 1902.00159): W-DCGANs of depth factor d, distilled or not.

    nas-teacher train --space dcgan --data mnist-idx3.gz --grey --resolution 28 --width 16 -o w16.safetensors
    python -m benchmarks.compressing_gans --teacher w16.safetensors --data mnist-idx3.gz --extractor digits
    python -m benchmarks.compressing_gans --quick --json       # a random teacher of the digits: no result

A student and its baseline have the same architecture, random start, data order and real images, and a critic
of the teacher's size with a random start. Students also have the teacher's images: alone (mse; without a
critic, the images that the student makes are counted), or weighted by --kd-weight-start (joint). FD,
Inception Score and variance of the Laplacian (images in [0, 255]) are medians over seeds.
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

from benchmarks.setting import add_setting, alone, setting

METRICS = ("fid", "is", "vol")
KINDS = ("mse", "joint", "baseline")
NO_BUDGET = 10**12
QUICK_TEACHER = 4  # its depth factor


def train(kind: str, width: int, seed: int, images: int, settings: dict[str, Any]) -> dict[str, float]:
    """The metrics of one training."""
    import torch

    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    asked = settings | {"recipe": "compressing-gans", "inherit": False, "warm_discriminator": False}
    asked |= {"kd_weight_start": 1.0} if kind == "mse" else {}
    config = SearchConfig.of(**asked, rungs=(images,), seed=seed, study="d")
    bench = Workbench(config)
    if kind == "baseline":
        bench.recipe = alone(bench)
    channels, side, _ = bench.teacher.generator.image_shape
    family = bench.teacher.family
    architecture = family.teacher(family.options(width=width), side, channels, 0)
    trainer = bench.trainer(bench.student(architecture))
    trainer.train(images)
    scores = bench.fidelity.measure(trainer.ema, METRICS, config.fid_samples, seed=1_000 + seed)
    found = {name: scores[name].values[name] for name in METRICS}
    return found | {"params": bench.space.params(architecture)}


def about_teacher(settings: dict[str, Any]) -> dict[str, float]:
    """The teacher's metrics and size."""
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    bench = Workbench(SearchConfig.of(**settings, study="d"))
    scores = bench.fidelity.measure(bench.teacher.generator, METRICS, bench.config.fid_samples, seed=1)
    found = {name: scores[name].values[name] for name in METRICS}
    found["vol_real"] = scores["vol"].values["vol_real"]
    return found | {"params": bench.space.params(bench.teacher.generator.architecture)}


def random_teacher(path: Path) -> Path:
    """A W-DCGAN of random weights for the built-in digits."""
    import torch

    from search_spaces import Checkpoint, get_family, save_checkpoint

    family = get_family("dcgan")
    torch.manual_seed(0)
    generator = family.build(family.teacher(family.options(width=QUICK_TEACHER), 16, 1, 0))
    save_checkpoint(Checkpoint(family.name, generator, None, {"name": "random"}), path)
    return path


def depth_factors(given: str) -> list[int]:
    """The numbers in "2,4,8"."""
    widths = [int(part) if part.strip().isdecimal() else 0 for part in given.split(",")]
    if 0 in widths:
        raise argparse.ArgumentTypeError(f"{given}: give whole numbers of 1 or more, such as 2,4,8")
    return widths


def main() -> None:
    """Train every size from every seed both ways and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_setting(parser)
    parser.add_argument(
        "--widths", type=depth_factors, default="2,4,8", help="depth factors d, separated by commas"
    )
    parser.add_argument("--images", type=int, default=200_000, help="real images a training is shown")
    parser.add_argument(
        "--kd-weight-start", type=float, default=0.9, help="weight of the teacher in the joint loss"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (options.quick or options.teacher):
        parser.error("--teacher: give a W-DCGAN (nas-teacher train --space dcgan), or --quick")

    widths, images, seeds = options.widths, options.images, options.seeds
    with tempfile.TemporaryDirectory() as scratch:
        settings = setting(options) | {"budget_params": NO_BUDGET, "workdir": Path(scratch)}
        if options.quick:
            widths, images, seeds = [1, 2], 320, 1
            settings |= {"teacher": random_teacher(Path(scratch, "teacher.safetensors")), "data": "digits"}
        teacher = about_teacher(settings)
        settings["kd_weight_start"] = options.kd_weight_start
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            jobs = {
                (width, kind, seed): pool.submit(train, kind, width, seed, images, settings)
                for seed in range(seeds)
                for width in widths
                for kind in KINDS
            }
            runs = {}
            for (width, kind, seed), job in jobs.items():
                runs[width, kind, seed] = job.result()
                print(f"d={width}, {kind}, seed {seed}: {job.result()}", file=sys.stderr, flush=True)
    rows = [
        _row(width, {kind: [runs[width, kind, seed] for seed in range(seeds)] for kind in KINDS})
        for width in widths
    ]
    if options.json:
        print(json.dumps({"teacher": teacher, "rows": rows, "images": images, "seeds": seeds}))
        return
    print(f"{images:,} real images a training, medians of {seeds} seeds; the teacher: {_words(teacher)}\n")
    print(
        f"{'d':>4}{'parameters':>12}{'ratio':>8}"
        + "".join(f"{f'{kind} {name}':>15}" for name in METRICS for kind in KINDS)
    )
    for row in rows:
        figures = "".join(f"{row[kind][name]:15.2f}" for name in METRICS for kind in KINDS)
        print(f"{row['d']:4}{row['params']:12,}{teacher['params'] / row['params']:7.0f}:1{figures}")


def _row(width: int, kinds: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians over seeds of the students' and of their baseline's metrics."""
    medians = {
        kind: {name: statistics.median(run[name] for run in runs) for name in METRICS}
        for kind, runs in kinds.items()
    }
    fids = {f"{kind}_fids": [run["fid"] for run in runs] for kind, runs in kinds.items()}
    return {"d": width, "params": int(kinds["mse"][0]["params"]), **medians, **fids}


def _words(teacher: dict[str, float]) -> str:
    figures = ", ".join(f"{name} {teacher[name]:.2f}" for name in METRICS)
    return f"{teacher['params']:,.0f} parameters, {figures}; real images: vol {teacher['vol_real']:.2f}"


if __name__ == "__main__":
    main()
