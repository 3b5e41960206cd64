"""How many candidates train on one GPU at a time: what one takes of it is measured, not guessed.

Processes take turns on a GPU, so together they are done sooner as long as one alone leaves it idle: while its
kernels are being launched, images copied, checkpoints written.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from nas.workbench import Workbench
from search_spaces import Architecture, FixedSuggest, Load, SearchSpace

WARM_UP = 16  # steps
MEASURED = 32  # steps; R1 is in one of 16
CONTEXT = 600 * 2**20  # bytes that CUDA takes of every process beside its tensors
USABLE = 0.9  # of the memory: what is left absorbs fragmentation
SHARES = 10_000  # Ray counts GPUs to the fourth decimal


@dataclass(frozen=True)
class Footprint:
    """What a candidate takes of a GPU that it has for itself."""

    memory: int  # bytes, at its highest
    of_memory: int  # bytes that the GPU has
    busy: float  # share of the time in which a kernel runs


def candidates_per_gpu(footprint: Footprint, cores: int) -> int:
    """As many as fill its time, fit its memory and leave each one of the `cores` that go with a GPU."""
    fitting = int(USABLE * footprint.of_memory / footprint.memory)
    filling = round(1 / max(footprint.busy, 1 / SHARES))
    return max(1, min(fitting, filling, cores))


def gpu_share(candidates: int) -> float:
    """What Ray is to give each of so many on one GPU."""
    return math.floor(SHARES / candidates) / SHARES


def demanding(space: SearchSpace, load: Load) -> list[Architecture]:
    """The students that make most of a whole budget: the uniformly slimmed teacher, and the openings."""
    choices = [space.uniform(), *space.openings()]
    return [space.sample(FixedSuggest({"share": 1.0, **chosen}), load) for chosen in choices]


def measure_footprint(bench: Workbench) -> Footprint:
    """Train and measure demanding candidates for a moment, on a CUDA device; the highest figures count."""
    busy = 0.0
    torch.cuda.reset_peak_memory_stats()
    for architecture in demanding(bench.space, bench.config.budget.load(bench.space)):
        trainer = bench.trainer(bench.student(architecture))
        trainer.train(WARM_UP * bench.config.batch_size)
        torch.cuda.synchronize()
        began = time.monotonic()
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            trainer.train((WARM_UP + MEASURED) * bench.config.batch_size)
            torch.cuda.synchronize()
            seconds = time.monotonic() - began
        kernels = sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6
        busy = max(busy, min(1.0, kernels / seconds))
        bench.fidelity.measure(trainer.ema, bench.metrics, bench.fidelity.batch_size, seed=0)
    _, of_memory = torch.cuda.mem_get_info()
    return Footprint(torch.cuda.max_memory_reserved() + CONTEXT, of_memory, busy)
