"""How a cluster is divided among candidates."""

from __future__ import annotations

from typing import Any

import pytest

from nas.config import SearchConfig
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
