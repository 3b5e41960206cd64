"""Drivers that are suspended and killed, and a server that crashes under them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas.config import SearchConfig
from nas.study import StudyStore
from tests.nas.faults import drivers
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.postgres import running_server

pytestmark = [pytest.mark.slow, pytest.mark.long]

KILLS = int(os.environ.get("NAS_TEST_KILLS", "3"))  # of each database; 50 for the whole test


@pytest.fixture
def settings(teacher_file: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "teacher": teacher_file,
        "data": "digits",
        "budget_macs": 100_000,
        "trials": 3,
        "replicates": 1,
        "rungs": (64, 128),
        "fid_samples": 50,
        "teacher_cache_size": 64,
        "batch_size": 32,
        "keep": "all",
        "workers": 1,
        "workdir": tmp_path / "runs",
        "study": "stub",
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Settings of a search in each kind of database."""
    if request.param == "sqlite":
        yield settings
    else:
        with running_server() as server:
            yield settings | {"storage": server.url}


def _undisturbed(settings: dict[str, Any], folder: Path) -> list[tuple[Any, ...]]:
    alone = {k: v for k, v in settings.items() if k != "storage"} | {"workdir": folder}
    process = drivers.start(alone, pause=0.0)
    assert process.wait(drivers.PATIENCE) == 0, process.communicate()
    return table(SearchConfig.of(**alone))


def test_a_search_resumed_after_kills_at_random_moments_is_the_undisturbed_one(
    stored: dict[str, Any], tmp_path: Path
) -> None:
    wanted, config = _undisturbed(stored, tmp_path / "undisturbed"), SearchConfig.of(**stored)
    began = time.monotonic()
    process = drivers.start(stored, pause=0.05)
    drivers.wait_for(lambda: drivers.rungs_recorded(config) > 0, process)
    start_seconds = time.monotonic() - began
    process.kill()
    process.wait()
    chance = random.Random(0)
    for _ in range(KILLS):
        process = drivers.start(stored, pause=0.05)
        time.sleep(chance.uniform(0.3, 1.3) * start_seconds)
        process.kill()
        process.wait()
    process = drivers.start(stored, pause=0.0)
    assert process.wait(drivers.PATIENCE) == 0, process.communicate()
    assert broken_invariants(config) == []
    assert table(config) == wanted


def test_a_suspended_driver_that_wakes_up_after_another_took_over_writes_nothing(
    stored: dict[str, Any], tmp_path: Path
) -> None:
    wanted, config = _undisturbed(stored, tmp_path / "undisturbed"), SearchConfig.of(**stored)
    quick = (0.2, 1.5, 1.0)
    first = drivers.start(stored, pause=0.3, heartbeat=quick)
    drivers.wait_for(lambda: drivers.rungs_recorded(config) >= 2, first)
    os.kill(first.pid, signal.SIGSTOP)
    time.sleep(2.0)  # its lease expires; it is alive, and on this machine
    second = drivers.start(stored, pause=0.0, heartbeat=quick)
    assert second.wait(drivers.PATIENCE) == 0, second.communicate()
    after = table(config)
    os.kill(first.pid, signal.SIGCONT)
    _, said = first.communicate(timeout=drivers.PATIENCE)
    assert first.returncode == 1
    assert "study 'stub' was taken over by" in said
    assert table(config) == after == wanted
    assert broken_invariants(config) == []


def test_a_server_that_crashes_and_comes_back_is_waited_for(settings: dict[str, Any], tmp_path: Path) -> None:
    wanted = _undisturbed(settings, tmp_path / "undisturbed")
    with running_server() as server:
        stored = settings | {"storage": server.url}
        config = SearchConfig.of(**stored)
        process = drivers.start(stored, pause=0.3)
        for rungs in (1, 3):
            drivers.wait_for(lambda rungs=rungs: drivers.rungs_recorded(config) >= rungs, process)
            server.crash()
            time.sleep(3)
            server.start()
        _, said = process.communicate(timeout=drivers.PATIENCE)
        assert process.returncode == 0, said
        assert said.count("does not answer") == said.count("answers again") == 2, said
        assert "Traceback" not in said
        assert table(config) == wanted
        assert broken_invariants(config) == []
        with StudyStore.open(config.storage_url, config.study) as store:
            assert not store.has_driver
