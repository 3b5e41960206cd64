"""How many candidates train on one GPU at a time, from a measurement of one candidate.

Processes take turns on a GPU. Several finish sooner than one after another while a single one leaves it idle:
during kernel launches, copies of images and writes of checkpoints.
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
from nas.workbench import Workbench
from search_spaces import Architecture, FixedSuggest, SearchSpace, Utilisation

STEPS = 32  # of each measurement; R1 is in one of 16
CONTEXT = 600 * 2**20  # bytes that CUDA takes of every process beside its tensors
USABLE = 0.9  # of the memory: what is left absorbs fragmentation
FAILURES = (TrainingDivergedError, NonFiniteImagesError, torch.OutOfMemoryError)
GPU_PARTS = 10_000  # Ray counts GPUs to the fourth decimal


@dataclass(frozen=True)
class Footprint:
    """The resources that one candidate takes of a GPU of its own."""

    memory: int  # bytes, peak
    free: int  # bytes of the GPU's memory that candidates may have
    busy: float  # fraction of the time in which a kernel runs; 0 where it can't be measured


def candidates_per_gpu(footprint: Footprint, cores: int) -> int:
    """Number that fills the GPU's time, fits its memory and leaves each one of its `cores`."""
    if not footprint.busy:
        return 1
    fitting = int(USABLE * footprint.free / footprint.memory)
    return max(1, min(fitting, round(1 / footprint.busy), cores))


def gpu_fraction(candidates: int) -> float:
    """Ray's `num_gpus` of each of `candidates` on one GPU."""
    return math.floor(GPU_PARTS / candidates) / GPU_PARTS


def demanding(space: SearchSpace, utilisation: Utilisation) -> list[Architecture]:
    """Students that fill the whole budget: the uniform-width baseline and the initial designs."""
    choices = [space.uniform(), *space.initial_designs()]
    return [space.sample(FixedSuggest({"budget_fraction": 1.0, **chosen}), utilisation) for chosen in choices]


def measure_footprint(bench: Workbench) -> Footprint | None:
    """Train and measure demanding candidates briefly on a CUDA device; returns the highest figures.

    Returns None when no candidate can be trained.
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
    """Train and measure one candidate; returns the fraction of training time in which a kernel runs."""
    trainer = bench.trainer(bench.student(architecture))
    _train(trainer)  # warm
    seconds = _train(trainer)
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:  # profiling itself takes time
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
