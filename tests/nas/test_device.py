"""Threads of a worker."""

from __future__ import annotations

import pytest
import torch

from nas.device import use_threads


@pytest.mark.parametrize(("limit", "threads"), [("1", 1), ("8", 4), ("", 4), ("0", 4), ("many", 4)])
def test_a_worker_asks_for_no_more_threads_than_it_may_have(
    monkeypatch: pytest.MonkeyPatch, limit: str, threads: int
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
    use_threads(4)
    assert asked == [threads]
