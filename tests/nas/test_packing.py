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

from nas import cluster
from nas.cluster import Share, pack
from nas.config import SearchConfig
from nas.packing import Footprint, candidates_per_gpu, demanding, gpu_share, measure_footprint
from nas.workbench import Workbench

GIB = 2**30


@pytest.mark.parametrize(
    ("footprint", "cores", "together"),
    [
        (Footprint(2 * GIB, 80 * GIB, busy=0.19), 16, 5),  # its time
        (Footprint(30 * GIB, 80 * GIB, busy=0.19), 16, 2),  # its memory
        (Footprint(2 * GIB, 80 * GIB, busy=0.19), 4, 4),  # the cores beside it
        (Footprint(90 * GIB, 80 * GIB, busy=0.19), 16, 1),  # one is tried in any case
        (Footprint(2 * GIB, 80 * GIB, busy=0.96), 16, 1),
        (Footprint(2 * GIB, 80 * GIB, busy=0.0), 16, 16),
    ],
)
def test_what_is_scarce_decides(footprint: Footprint, cores: int, together: int) -> None:
    assert candidates_per_gpu(footprint, cores) == together


@given(candidates=st.integers(1, 200), gpus=st.integers(1, 16))
def test_as_many_as_asked_fit_on_every_gpu(candidates: int, gpus: int) -> None:
    share = gpu_share(candidates)
    assert candidates * share <= 1
    assert round(share, 4) == share  # as Ray counts
    assert int(1 / share) == candidates or candidates > 99  # where four decimals tell shares apart
    assert int(gpus / share) >= gpus * candidates


def test_demanding_candidates_spend_the_budget(warm_bench: Workbench) -> None:
    load = warm_bench.config.budget.load(warm_bench.space)
    found = demanding(warm_bench.space, load)
    assert len({str(architecture) for architecture in found}) == len(found) > 1
    assert all(load(architecture) <= 1 for architecture in found)
    assert load(found[0]) > 0.7  # the uniform one: widths are whole numbers


@pytest.fixture
def sixteen_cores_and_two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda: [{"CPU": 16.0, "GPU": 2.0}])


def footprint_of(found: Footprint) -> Callable[..., Footprint]:
    return lambda *_: found


def packed(**asked: Any) -> tuple[Share, str]:
    config = SearchConfig.of(budget_macs=10**6, trials=100, **asked)
    out = io.StringIO()
    return pack(config, cluster._share(config), Console(file=out, width=200)), out.getvalue()


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
def test_auto_measures_one_candidate_and_divides_gpus_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", footprint_of(Footprint(2 * GIB, 80 * GIB, busy=0.26)))
    share, said = packed(gpus_per_trial="auto")
    assert share == Share(workers=8, cpus=2, gpus=0.25)
    assert "takes 2.0 of 80.0 GiB of a GPU and keeps it busy 26% of the time: 4 train on one" in said


@pytest.mark.usefixtures("sixteen_cores_and_two_gpus")
def test_without_auto_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_on_a_worker", None)
    assert packed() == (Share(workers=2, cpus=8, gpus=1.0), "")
    assert packed(gpus_per_trial=0.5)[0] == Share(workers=4, cpus=4, gpus=0.5)


def test_auto_without_a_gpu_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda: [{"CPU": 16.0}])
    assert packed(gpus_per_trial="auto") == (Share(workers=16, cpus=1, gpus=0.0), "")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_tiny_candidate_leaves_most_of_a_gpu_idle(make_bench: Callable[..., Workbench]) -> None:
    found = measure_footprint(make_bench(rungs=(1_000, 2_000)))
    assert 0 < found.memory < found.of_memory
    assert 0 < found.busy < 1
    assert candidates_per_gpu(found, cores=4) > 1
