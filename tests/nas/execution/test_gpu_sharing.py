"""How many candidates share a GPU."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from distill.errors import TrainingDivergedError
from nas.config import SearchConfig
from nas.execution import WorkerResources, cluster, pack
from nas.execution import gpu_sharing as packing
from nas.execution.gpu_sharing import (
    CONTEXT,
    Footprint,
    candidates_per_gpu,
    demanding,
    gpu_fraction,
    measure_footprint,
)
from nas.workbench import Workbench
from search_spaces import Architecture

GIB = 2**30


@pytest.mark.parametrize(
    ("footprint", "cores", "together"),
    [
        (Footprint(2 * GIB, 80 * GIB, busy=0.19), 16, 5),  # its time
        (Footprint(30 * GIB, 80 * GIB, busy=0.19), 16, 2),  # its memory
        (Footprint(2 * GIB, 80 * GIB, busy=0.19), 4, 4),  # the cores beside it
        (Footprint(90 * GIB, 80 * GIB, busy=0.19), 16, 1),  # one is tried in any case
        (Footprint(2 * GIB, 80 * GIB, busy=0.96), 16, 1),
        (Footprint(2 * GIB, 80 * GIB, busy=0.001), 16, 16),
        (Footprint(2 * GIB, 80 * GIB, busy=0.0), 16, 1),  # not measured
    ],
)
def test_what_is_scarce_decides(footprint: Footprint, cores: int, together: int) -> None:
    assert candidates_per_gpu(footprint, cores) == together


@given(candidates=st.integers(1, 200), gpus=st.integers(1, 16))
def test_as_many_as_asked_fit_on_every_gpu(candidates: int, gpus: int) -> None:
    fraction = gpu_fraction(candidates)
    assert candidates * fraction <= 1
    assert round(fraction, 4) == fraction  # as Ray counts
    assert int(1 / fraction) == candidates or candidates > 99  # where four decimals are enough
    assert int(gpus / fraction) >= gpus * candidates


def test_demanding_candidates_spend_the_budget(warm_bench: Workbench) -> None:
    utilisation = warm_bench.config.budget.utilisation(warm_bench.space)
    found = demanding(warm_bench.space, utilisation)
    assert len({str(architecture) for architecture in found}) == len(found) > 1
    assert all(utilisation(architecture) <= 1 for architecture in found)
    assert utilisation(found[0]) > 0.7  # the uniform one: widths are whole numbers


@pytest.fixture
def sixteen_cores_and_two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda: [{"CPU": 16.0, "GPU": 2.0}])


def footprint_of(found: Footprint | None) -> Callable[..., Footprint | None]:
    return lambda *_: found


def packed(**asked: Any) -> tuple[WorkerResources, str]:
    config = SearchConfig.of(**{"budget_macs": 10**6, "trials": 100, **asked})
    out = io.StringIO()
    return pack(config, cluster._resources(config), Console(file=out, width=200)), out.getvalue()


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
def test_auto_measures_one_candidate_and_divides_gpus_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", footprint_of(Footprint(2 * GIB, 80 * GIB, busy=0.26)))
    resources, said = packed(gpus_per_trial="auto")
    assert resources == WorkerResources(workers=8, cpus=2, gpus=0.25)
    assert "takes 2.0 of 80.0 GiB of a GPU and keeps it busy 26% of the time: 4 train on one" in said


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
@pytest.mark.parametrize(
    ("asked", "resources"),
    [
        ({"trials": 3, "replicates": 0}, WorkerResources(workers=3, cpus=4, gpus=0.5)),
        ({"workers": 2}, WorkerResources(workers=2, cpus=8, gpus=1.0)),
        ({"share_weights": True}, WorkerResources(workers=2, cpus=8, gpus=1.0)),
    ],
)
def test_no_gpu_idles_while_candidates_share_another(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], resources: WorkerResources
) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", footprint_of(Footprint(2 * GIB, 80 * GIB, busy=0.1)))
    assert packed(gpus_per_trial="auto", **asked)[0] == resources


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
@pytest.mark.parametrize("found", [None, Footprint(2 * GIB, 80 * GIB, busy=0.0)])
def test_what_cannot_be_measured_shares_no_gpu(
    monkeypatch: pytest.MonkeyPatch, found: Footprint | None
) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", footprint_of(found))
    resources, said = packed(gpus_per_trial="auto")
    assert resources == WorkerResources(workers=2, cpus=8, gpus=1.0)
    assert "can't be measured: one trains on each" in said


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
def test_without_auto_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", None)
    assert packed() == (WorkerResources(workers=2, cpus=8, gpus=1.0), "")
    assert packed(gpus_per_trial=0.5)[0] == WorkerResources(workers=4, cpus=4, gpus=0.5)


def test_auto_without_a_gpu_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda: [{"CPU": 16.0}])
    assert packed(gpus_per_trial="auto") == (WorkerResources(workers=16, cpus=1, gpus=0.0), "")


def test_students_that_fail_are_left_out_and_the_highest_figures_count(
    monkeypatch: pytest.MonkeyPatch, warm_bench: Workbench
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (50 * GIB, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: GIB)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 3 * GIB)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    _, *others = demanding(warm_bench.space, warm_bench.config.budget.utilisation(warm_bench.space))
    busy = {str(architecture): 0.1 * (place + 1) for place, architecture in enumerate(others)}

    def tried(_: Workbench, architecture: Architecture) -> float:
        if str(architecture) not in busy:
            raise TrainingDivergedError("g_adversarial is nan after 64 images")
        return busy[str(architecture)]

    monkeypatch.setattr(packing, "_train_and_measure", tried)
    found = measure_footprint(warm_bench)
    assert found == Footprint(3 * GIB + CONTEXT, 51 * GIB + CONTEXT, max(busy.values()))
    busy.clear()
    assert measure_footprint(warm_bench) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_tiny_candidate_leaves_most_of_a_gpu_idle(make_bench: Callable[..., Workbench]) -> None:
    found = measure_footprint(make_bench(rungs=(10_000, 20_000)))
    assert found is not None
    assert 0 < found.memory < found.free
    assert 0 < found.busy < 1
    assert candidates_per_gpu(found, cores=4) > 1
