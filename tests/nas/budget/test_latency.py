"""How the time of one image is taken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distill.teachers import load_teacher
from nas.budget.latency import (
    LEAST_RUNS,
    LEAST_SECONDS,
    SECONDS,
    make_stopwatch,
    median_seconds,
)
from nas.errors import ConfigError
from search_spaces import Generator

WARM_UP = 3
BLOCK_SIZE_RUNS = 1  # by which PyTorch finds how many runs one reading of the clock is for


class FakeTime:
    """A clock that only runs move on, by what each of them takes."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now, self.runs, self._seconds = 0.0, 0, seconds

    def run(self) -> None:
        self.now += self._seconds(self.runs)
        self.runs += 1


def median(seconds: Callable[[int], float]) -> tuple[float, int]:
    """What is measured of runs that take `seconds`, by their number, and of how many."""
    time = FakeTime(seconds)
    return median_seconds(time.run, lambda: time.now), time.runs


@pytest.fixture
def smallest() -> Generator:
    """The smallest student of the digits' teacher."""
    teacher = load_teacher()
    space = teacher.family.space(teacher.generator.architecture)
    return teacher.family.build(space.smallest())


def test_it_is_the_median_of_many_runs_that_come_after_the_warm_up() -> None:
    taken, runs = median(lambda number: 60.0 if number < WARM_UP else 0.001)
    assert taken == pytest.approx(0.001)
    assert runs >= WARM_UP + LEAST_SECONDS / 0.001


def test_a_few_runs_that_were_disturbed_change_nothing() -> None:
    assert median(lambda number: 0.5 if number % 25 == 0 else 0.001)[0] == pytest.approx(0.001)


def test_a_network_whose_times_scatter_is_run_for_a_limited_time() -> None:
    slow, fast = SECONDS / 20.5, SECONDS / 41
    taken, runs = median(lambda number: slow if number % 2 else fast)
    assert fast <= taken <= slow
    assert 21 <= runs - WARM_UP - BLOCK_SIZE_RUNS <= 42


def test_a_very_slow_one_is_run_a_few_times_all_the_same() -> None:
    assert median(lambda _: 100 * SECONDS) == (100 * SECONDS, WARM_UP + BLOCK_SIZE_RUNS + LEAST_RUNS)


def test_on_the_cpu_it_is_the_time_of_one_thread_and_says_so(smallest: Generator) -> None:
    threads = torch.get_num_threads()
    stopwatch = make_stopwatch("cpu")
    assert stopwatch.name == "cpu, 1 thread"
    assert stopwatch.seconds(smallest) > 0
    assert torch.get_num_threads() == threads


def test_measuring_needs_no_gradients_and_draws_nothing_at_random(smallest: Generator) -> None:
    before = torch.get_rng_state()
    with torch.no_grad(), make_stopwatch("cpu").ready(smallest.eval()) as run:
        first, second = run(), run()
    assert isinstance(first, torch.Tensor)
    assert isinstance(second, torch.Tensor)
    assert torch.equal(first, second)
    make_stopwatch("cpu").seconds(smallest)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in smallest.parameters())


def test_without_a_gpu_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ConfigError, match="--latency-on cuda: PyTorch sees no GPU here: use --latency-on cpu"
    ):
        make_stopwatch("cuda")


def test_on_a_gpu_every_run_is_waited_for(smallest: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[None] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(None))
    for kind in (torch.Tensor, torch.nn.Module):
        monkeypatch.setattr(kind, "cuda", lambda moved: moved)
    stopwatch = make_stopwatch("cuda")
    assert stopwatch.name == "a GPU"
    with torch.no_grad(), stopwatch.ready(smallest.eval()) as run:
        for count in (1, 2, 3):
            run()
            assert len(waited) == count


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_it_is_named(smallest: Generator) -> None:
    stopwatch = make_stopwatch("cuda")
    assert stopwatch.name == torch.cuda.get_device_name()
    assert stopwatch.seconds(smallest) > 0


@pytest.mark.parametrize("package", ["onnxruntime", "onnxscript"])
def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, torch)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"{package} is missing: pip install onnx onnxruntime onnxscript"):
        make_stopwatch("onnxruntime")


def test_onnx_runtime_is_measured_on_one_thread(teacher_file: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    generator = load_teacher(teacher_file).generator
    stopwatch = make_stopwatch("onnxruntime")
    assert stopwatch.name == f"onnxruntime {runtime.__version__}, cpu, 1 thread"
    assert stopwatch.seconds(generator) > 0
