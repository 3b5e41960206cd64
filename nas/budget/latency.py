"""Latency of one image: one protocol on the CPU, on the GPU, and in ONNX Runtime.

Batch 1, evaluation mode, constant noise, no gradients, float32 (on a GPU with PyTorch's defaults: TF32 in
convolutions); the median of many runs. On a CPU it is one thread and the time that this thread computes: time
spent waiting for other processes, such as the candidates that a search trains meanwhile, does not count.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.benchmark import Timer

from nas.errors import ConfigError
from nas.runtimes import OnnxSession, check_onnx_installed, onnx_model
from search_spaces import Generator

LEAST_SECONDS = 0.1  # of measured runs; more follow until their times agree …
SECONDS = 2.0  # … or have taken this long …
LEAST_RUNS = 4  # … but for these, however slow

Run = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds of one image over many runs."""

    median: float
    low: float  # first quartile …
    high: float  # … and third
    runs: int


def median_seconds(run: Run, clock: Callable[[], float]) -> float:
    """Median seconds of `run` by `clock`: see `timed`."""
    return timed(run, clock).median


def timed(run: Run, clock: Callable[[], float]) -> Timing:
    """Seconds of `run` by `clock`, on one thread, measured by PyTorch's benchmark timer.

    After a warm-up, runs are timed until the interquartile range of their times is below a tenth of the
    median.
    """
    timer = Timer("run()", globals={"run": run}, timer=clock, num_threads=1)
    once = timer.timeit(1).median  # after two warm-up runs
    longest = max(SECONDS, LEAST_RUNS * once)
    found = timer.adaptive_autorange(min_run_time=LEAST_SECONDS, max_run_time=longest)
    times = found.times if len(found.times) > 1 else [*found.times, *found.times]
    low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(found.median, low, high, len(found.times) * found.number_per_run)


@dataclass(frozen=True)
class Stopwatch:
    """Measures the latency of generators on one kind of hardware or runtime."""

    name: str  # hardware or runtime: "cpu, 1 thread", the GPU's name, "onnxruntime 1.31.1, cpu, 1 thread"
    ready: Callable[[Generator], AbstractContextManager[Run]]  # a context with a call that makes one image
    clock: Callable[[], float]

    def seconds(self, generator: Generator) -> float:
        """The latency of one image: the median."""
        return self.timing(generator).median

    def timing(self, generator: Generator) -> Timing:
        """The latency of one image with its spread."""
        with torch.no_grad(), self.ready(generator.eval()) as run:
            return timed(run, self.clock)


def machine() -> str:
    """The processor of this machine, as its maker calls it, and how many it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:  # not Linux
        names = []
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {len(names) or os.cpu_count()} CPUs"


def make_stopwatch(where: str, flag: str = "--latency-on") -> Stopwatch:
    """The stopwatch called `where`, one of `STOPWATCHES`; `flag` is the option that asks for it.

    Raises:
        ConfigError: there is none of that name, no GPU, or a package is missing.
    """
    if where not in STOPWATCHES:
        raise ConfigError(f"{flag} {where} is unknown: give {', '.join(STOPWATCHES)}")
    return STOPWATCHES[where](f"{flag} {where}")


def _cpu(asked: str) -> Stopwatch:
    @contextmanager
    def ready(generator: Generator) -> Iterator[Run]:
        inputs = _one_input(generator)
        yield lambda: generator.deterministic(*inputs)

    return Stopwatch("cpu, 1 thread", ready, time.thread_time)


def _cuda(asked: str) -> Stopwatch:
    if not torch.cuda.is_available():
        raise ConfigError(f"{asked}: PyTorch sees no GPU here: use {asked.removesuffix('cuda')}cpu")

    @contextmanager
    def ready(generator: Generator) -> Iterator[Run]:
        generator.cuda()
        inputs = [x.cuda() for x in _one_input(generator)]

        def run() -> None:
            generator.deterministic(*inputs)
            torch.cuda.synchronize()

        yield run

    return Stopwatch(torch.cuda.get_device_name(), ready, time.perf_counter)


def _onnxruntime(asked: str) -> Stopwatch:
    check_onnx_installed(asked)
    import onnxruntime

    @contextmanager
    def ready(generator: Generator) -> Iterator[Run]:
        graph = generator.graph()
        session = OnnxSession(onnx_model(graph), threads=1)
        inputs = graph.example_inputs()
        yield lambda: session(*inputs)

    return Stopwatch(f"onnxruntime {onnxruntime.__version__}, cpu, 1 thread", ready, time.thread_time)


STOPWATCHES: dict[str, Callable[[str], Stopwatch]] = {
    "cpu": _cpu,
    "cuda": _cuda,
    "onnxruntime": _onnxruntime,
}
"""By name; each takes the option that asks for it, for messages."""


def _one_input(generator: Generator) -> tuple[Tensor, ...]:
    return generator.example_inputs()
