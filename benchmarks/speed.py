"""Training speed, scaling, time of measurements and memory of a search on this machine.

    python -m benchmarks.speed
    python -m benchmarks.speed --quick
    python -m benchmarks.speed --json

* images/s of a 16 px digits student of about 1 MMAC on 2 threads, discriminator step included, with KD and
  without;
* images/s of two workers of one thread each against one such worker, in turn;
* the fraction of a trial's time that measurements take;
* the highest memory of the driver and of a worker in a real, short search.

The driver's time is `benchmarks.driver_overhead`'s subject, proposals are that of `benchmarks.proposals`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

MMAC_BUDGET_FRACTION = 0.5  # of the 2 MMACs budget
WARM_UP = 10  # steps


def workbench(scratch: str, **settings: Any) -> Any:
    """A workbench on the digits."""
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    return Workbench(SearchConfig.of(budget_macs=2_000_000, workdir=Path(scratch), study="speed", **settings))


def student(bench: Any) -> Any:
    """A uniform-width student of about 1 MMAC."""
    from search_spaces import FixedSuggest

    choices = FixedSuggest({"budget_fraction": MMAC_BUDGET_FRACTION, **bench.space.uniform()})
    return bench.student(bench.space.sample(choices, bench.config.budget.utilisation(bench.space)))


def training_speed(scratch: str, threads: int, seconds: float, kd_weight_start: float) -> float:
    """Images per second of the distillation step."""
    import torch

    torch.set_num_threads(threads)
    bench = workbench(scratch, kd_schedule="constant", kd_weight_start=kd_weight_start)
    trainer = bench.trainer(student(bench))
    batch = bench.config.batch_size
    trainer.train(WARM_UP * batch)
    began, first = time.perf_counter(), trainer.images
    while time.perf_counter() - began < seconds:
        trainer.train(trainer.images + 16 * batch)  # 16 steps: one of them with R1
    return (trainer.images - first) / (time.perf_counter() - began)


def fid_fraction(scratch: str, rungs: tuple[int, ...]) -> float:
    """Seconds of a trial's measurements over the seconds of the trial, with checkpoints and grids."""
    import torch

    from nas.execution import Candidate
    from nas.trials import Proposal

    torch.set_num_threads(1)
    bench = workbench(scratch, rungs=rungs)
    measure, spent = bench.fidelity.measure, 0.0

    def timed(*arguments: Any) -> Any:
        nonlocal spent
        began = time.perf_counter()
        scores = measure(*arguments)
        spent += time.perf_counter() - began
        return scores

    bench.fidelity.measure = timed
    candidate = Candidate(bench, Proposal(0, student(bench).architecture, bench.config.seed))
    began = time.perf_counter()
    candidate.run(len(bench.config.rungs) - 1)
    return spent / (time.perf_counter() - began)


def memory(trials: int, images: int) -> dict[str, float]:
    """Highest resident megabytes of the driver and of a worker (Linux)."""
    command = [
        sys.executable,
        "-m",
        "nas.cli.search",
        "--budget-macs",
        "2M",
        "--trials",
        str(trials),
        "--workers",
        "2",
    ]
    command += ["--rungs", f"{images},{2 * images}"]
    peak = {"driver_mb": 0.0, "worker_mb": 0.0}
    with tempfile.TemporaryDirectory() as scratch:
        driver = subprocess.Popen(
            [*command, "--workdir", scratch], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while driver.poll() is None:
            peak["driver_mb"] = max(peak["driver_mb"], _resident(driver.pid))
            for pid in _workers(driver.pid):
                peak["worker_mb"] = max(peak["worker_mb"], _resident(pid))
            time.sleep(0.5)
    return peak


def _workers(driver: int) -> list[int]:
    """Ray's workers among the descendants of `driver`; Ray names them after what they do."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(driver).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::"):
                    found.append(process.pid)
    return found


def _resident(pid: int) -> float:
    """High-water mark of a process, megabytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) / 1000 if match else 0.0


def measure(quick: bool) -> dict[str, float]:
    """All figures."""
    seconds, rungs = (2.0, (500, 1_000, 2_000)) if quick else (15.0, ())
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:

        def speeds(workers: int, threads: int, kd_weight_start: float) -> list[float]:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                jobs = [
                    pool.submit(training_speed, scratch, threads, seconds, kd_weight_start)
                    for _ in range(workers)
                ]
                return [job.result() for job in jobs]

        workbench(scratch).load_teacher_cache()
        figures["images_per_second_kd"] = speeds(1, 2, 3.0)[0]
        figures["images_per_second_no_kd"] = speeds(1, 2, 0.0)[0]
        one, two = speeds(1, 1, 3.0)[0], sum(speeds(2, 1, 3.0))
        figures |= {"one_worker": one, "two_workers": two, "ratio": two / one}
        figures["fid_fraction"] = fid_fraction(scratch, rungs)
    return figures | memory(4, 1_000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    f = measure(options.quick)
    if options.json:
        print(json.dumps(f))
        return
    for name, value in (
        ("1 MMAC student, 2 threads, KD on", f"{f['images_per_second_kd']:.0f} images/s"),
        ("1 MMAC student, 2 threads, KD off", f"{f['images_per_second_no_kd']:.0f} images/s"),
        (
            "two workers against one",
            f"{f['ratio']:.2f}x  ({f['two_workers']:.0f} / {f['one_worker']:.0f} images/s)",
        ),
        ("measurements of distances, part of a trial's time", f"{f['fid_fraction']:.1%}"),
        ("driver, highest memory", f"{f['driver_mb']:.0f} MB"),
        ("worker, highest memory", f"{f['worker_mb']:.0f} MB"),
    ):
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
