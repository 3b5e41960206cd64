"""How many candidates train on one GPU at a time: what one takes of it is measured, not guessed.

Processes take turns on a GPU, so together they are done sooner as long as one alone leaves it idle: while its
kernels are being launched, images copied, checkpoints written.
"""

from __future__ import annotations

import gc
import math
import time
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from distill.errors import NonFiniteImagesError, TrainingDivergedError
from distill.training import Trainer
from nas.execution.workbench import Workbench
from search_spaces import Architecture, FixedSuggest, SearchSpace, Utilisation

STEPS = 32  # of each measurement; R1 is in one of 16
CONTEXT = 600 * 2**20  # bytes that CUDA takes of every process beside its tensors
USABLE = 0.9  # of the memory: what is left absorbs fragmentation
FAILURES = (TrainingDivergedError, NonFiniteImagesError, torch.OutOfMemoryError)
SHARES = 10_000  # Ray counts GPUs to the fourth decimal


@dataclass(frozen=True)
class Footprint:
    """What a candidate takes of a GPU that it has for itself."""

    memory: int  # bytes, at its highest
    free: int  # bytes of the GPU's memory that candidates may have
    busy: float  # share of the time in which a kernel runs; 0 where that can't be measured


def candidates_per_gpu(footprint: Footprint, cores: int) -> int:
    """As many as fill its time, fit its memory and leave each one of the `cores` that go with a GPU."""
    if not footprint.busy:
        return 1
    fitting = int(USABLE * footprint.free / footprint.memory)
    return max(1, min(fitting, round(1 / footprint.busy), cores))


def gpu_share(candidates: int) -> float:
    """What Ray is to give each of so many on one GPU."""
    return math.floor(SHARES / candidates) / SHARES


def demanding(space: SearchSpace, utilisation: Utilisation) -> list[Architecture]:
    """The students that use the whole budget best: the uniform-width baseline, and the initial designs."""
    choices = [space.uniform(), *space.initial_designs()]
    return [space.sample(FixedSuggest({"budget_fraction": 1.0, **chosen}), utilisation) for chosen in choices]


def measure_footprint(bench: Workbench) -> Footprint | None:
    """Train and measure demanding candidates for a moment, on a CUDA device; the highest figures count.

    None when none of them can be trained at all.
    """
    free, _ = torch.cuda.mem_get_info()
    free += torch.cuda.memory_reserved() + CONTEXT  # our own
    torch.cuda.reset_peak_memory_stats()
    busy: list[float] = []
    for architecture in demanding(bench.space, bench.config.budget.utilisation(bench.space)):
        with suppress(*FAILURES):  # in the search it is a trial that fails
            busy.append(_train_and_measure(bench, architecture))
        gc.collect()
    return Footprint(torch.cuda.max_memory_reserved() + CONTEXT, free, max(busy)) if busy else None


def _train_and_measure(bench: Workbench, architecture: Architecture) -> float:
    """What a candidate does on its way; returns the share of its training in which a kernel runs."""
    trainer = bench.trainer(bench.student(architecture))
    _train(trainer)  # warm
    seconds = _train(trainer)
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:  # this takes time itself
        _train(trainer)
    kernels: float = sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6
    bench.fidelity.measure(trainer.ema, bench.metrics, max(2, bench.fidelity.batch_size), seed=0)
    return min(1.0, kernels / seconds)


def _train(trainer: Trainer) -> float:
    """Seconds that `STEPS` steps take."""
    began = time.monotonic()
    trainer.train(trainer.images + STEPS * trainer.config.batch_size)
    torch.cuda.synchronize()
    return time.monotonic() - began
