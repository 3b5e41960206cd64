"""What the relations of CRD cost in a step: time, memory, and the error of a sample of the angles.

    python -m benchmarks.relations
    python -m benchmarks.relations --quick --json

Rows, columns and patches together, forward and backward, for a batch of smooth random images, on one thread:
the loss as recipes use it, and exact. Memory is the most that the loss allocates beyond the images and their
gradients. The error is the standard deviation of the sampled angle loss of rows, relative to the exact one.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor

from distill.losses import PARTS, angle_loss, relation_loss
from distill.losses.relations import MOST_VERTICES

BATCHES = {32: 16, 64: 16, 128: 16, 256: 4}
REPEATS, DRAWS = 5, 20


def images(side: int, batch: int, seed: int) -> Tensor:
    """Random images whose spectrum falls as that of photographs does."""
    noise = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))
    frequencies = torch.fft.fftfreq(side)[:, None].hypot(torch.fft.rfftfreq(side)).clamp_min(1 / side)
    smooth = torch.fft.irfft2(torch.fft.rfft2(noise) / frequencies, s=(side, side))
    return smooth / smooth.std()


def step(student: Tensor, teacher: Tensor, vertices: int) -> None:
    """The loss of all three kinds, and its gradient."""
    losses = [relation_loss(part(student), part(teacher), vertices) for part in PARTS.values()]
    torch.autograd.backward(torch.stack(losses).sum())


def measured(side: int, batch: int, vertices: int, repeats: int) -> dict[str, float]:
    """Seconds of a step, the median, and megabytes; in a process of its own."""
    torch.set_num_threads(1)
    student, teacher = images(side, batch, 0).requires_grad_(True), images(side, batch, 1)
    step(images(16, 1, 2).requires_grad_(True), images(16, 1, 3), vertices)  # what every first call allocates
    before, seconds = _peak(), []
    for _ in range(repeats):
        began = time.perf_counter()
        step(student, teacher, vertices)
        seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds), "megabytes": _peak() - before}


def error(side: int, batch: int, draws: int) -> float:
    """Standard deviation of the sampled angle loss of rows, relative to the exact loss."""
    torch.set_num_threads(1)
    one, other = (PARTS["rows"](images(side, batch, seed)) for seed in (0, 1))
    sampled = [float(angle_loss(one, other)) for _ in range(draws)]
    return statistics.pstdev(sampled) / float(angle_loss(one, other, side))


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for every size."""
    rows = []
    for side, batch in BATCHES.items():
        if quick and side > 64:
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            repeats, draws = (2, 4) if quick else (REPEATS, DRAWS)
            sampled = pool.submit(measured, side, batch, MOST_VERTICES, repeats).result()
            exact = pool.submit(measured, side, batch, side, repeats).result()
            deviation = pool.submit(error, side, batch, draws).result()
        rows.append({"side": side, "batch": batch, **sampled, "exact": exact["seconds"], "error": deviation})
    return rows


def _peak() -> float:
    """High-water mark of this process, megabytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.quick)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'px':>5} {'batch':>6} {'s a step':>9} {'MB':>6} {'exact, s':>9} {'error':>7}")
    for row in found:
        print(
            f"{row['side']:5} {row['batch']:6} {row['seconds']:9.3f} {row['megabytes']:6.0f} "
            f"{row['exact']:9.3f} {row['error']:7.1%}"
        )


if __name__ == "__main__":
    main()
