"""How a cluster is divided among candidates."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.execution import cluster


@pytest.mark.parametrize(
    ("asked", "workers"),
    [
        ({"trials": 3, "replicates": 0}, 3),
        ({"trials": 3, "replicates": 6}, 9),
        ({"trials": 30}, 16),
        ({"trials": 3, "replicates": 6, "workers": 2}, 2),
    ],
)
def test_there_are_as_many_workers_as_cores_but_no_more_than_trainings(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], workers: int
) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda: [{"CPU": 16.0}])
    resources = cluster._resources(SearchConfig.of(budget_macs=10**6, **asked))
    assert resources == cluster.WorkerResources(workers, 16 // workers, 0.0)


HEAD: dict[str, float] = {"memory": 1.0}  # a machine that has no CPU for workers


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, float]]]:
    """The machines of a cluster, as they are seen one time after another; the last ones stay."""
    seen: list[list[dict[str, float]]] = []
    monkeypatch.setattr(cluster, "_nodes", lambda: seen.pop(0) if len(seen) > 1 else seen[0])
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: None)
    return seen


def test_a_search_that_is_started_first_waits_for_a_worker_and_says_so(
    joining: list[list[dict[str, float]]],
) -> None:
    joining += [[HEAD], [HEAD], [HEAD, {"CPU": 4.0}]]
    out = io.StringIO()
    cluster._await_workers(Console(file=out, width=200))
    assert out.getvalue().count("Waiting for a worker to join the Ray cluster") == 1
    cluster._await_workers(Console(file=out))
    assert out.getvalue().count("Waiting") == 1


def test_a_cluster_that_no_worker_joins_is_refused(
    joining: list[list[dict[str, float]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    joining += [[HEAD]]
    monkeypatch.setattr(cluster, "JOIN_SECONDS", -1.0)
    with pytest.raises(ConfigError, match=r"no worker has joined the Ray cluster for .* start one there"):
        cluster._await_workers(Console(file=io.StringIO()))
