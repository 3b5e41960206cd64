"""Searches that meet one fault after another, at random moments, end in the undisturbed study."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.nas.conftest import MakeBench
from tests.nas.faults import drivers
from tests.nas.faults.drivers import Driver
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.postgres import running_server
from tests.nas.faults.random_faults import DISK, POSTGRESQL, SQLITE, Episode, Harm, ended

pytestmark = pytest.mark.slow

FAULTS = int(os.environ.get("NAS_TEST_FAULTS", "6"))  # of each database; 100 for the whole test
EACH = 6  # faults that one search meets
SEARCH: dict[str, Any] = {
    "trials": 6,
    "replicates": 1,
    "rungs": (64, 128),
    "sampler": "random",
    "keep": "all",
    "workers": 1,
    "worker_timeout": 1.0,
}
DISK_BYTES = 16 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A small file system; None where this user can't mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    yield place
    subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_search_survives_faults_at_random_moments(
    make_bench: MakeBench, tmp_path: Path, disk: Path | None, database: str
) -> None:
    undisturbed = make_bench(**SEARCH | {"workdir": tmp_path / "undisturbed", "study": "undisturbed"})
    driver = drivers.start(undisturbed, pause=0.0)
    assert driver.wait(drivers.PATIENCE) == 0, driver.said()
    wanted = table(undisturbed.config)
    harms = dict(SQLITE if database == "sqlite" else POSTGRESQL)
    workdir = tmp_path / "runs"
    if disk is not None:
        harms, workdir = harms | DISK, disk / "runs"
    chance, done, broken = random.Random(f"{database} 1"), Counter[str](), list[str]()
    with running_server() if database == "postgresql" else nullcontext() as server:
        number = 0
        while done.total() < FAULTS:
            study: dict[str, Any] = {"study": f"stub-{number}", "workdir": workdir}
            if server is not None:
                study["storage"] = server.new_database()
            bench = make_bench(**SEARCH | study)
            number += 1
            with ended(Episode(bench, server, chance, tmp_path)) as episode:
                happened = _run(episode, harms, min(EACH, FAULTS - done.total()), done)
                found = [*episode.complaints, *broken_invariants(bench.config)]
                found += [] if table(bench.config) == wanted else ["the study is not the undisturbed one"]
                broken += [f"study {number - 1}, after {happened}: {each}" for each in found]
                done.update(happened)
                episode.clock.unlink(missing_ok=True)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(done.items()))
    print(f"{database}: {done.total()} faults in {number} searches ({counts}); broken: {len(broken)}")
    assert broken == []


def _rarest(harms: dict[str, Harm], done: Counter[str], chance: random.Random) -> str:
    """One of the kinds of faults of which there were the fewest, or for a change any."""
    if chance.random() < 0.25:
        return chance.choice(list(harms))
    return min(chance.sample(list(harms), len(harms)), key=lambda kind: done[kind])


def _happens(episode: Episode, driver: Driver, harm: Harm) -> bool:
    """Do `harm` as soon as it can be done, if that is soon: a worker must be there to be killed."""
    deadline = time.monotonic() + 2.0
    while driver.poll() is None and time.monotonic() < deadline:
        if harm(episode, driver):
            return True
        time.sleep(0.02)
    return False


def _run(episode: Episode, harms: dict[str, Harm], faults: int, done: Counter[str]) -> list[str]:
    """Give the command until the search has ended, while `faults` of `harms` happen; what has happened.

    `done` counts those of other searches.
    """
    happened: list[str] = []
    driver = episode.start()
    began = time.monotonic()
    while time.monotonic() - began < drivers.PATIENCE:
        if len(happened) < faults and driver.poll() is None:
            time.sleep(episode.chance.uniform(0.0, 0.6))
            kind = _rarest(harms, done + Counter(happened), episode.chance)
            if _happens(episode, driver, harms[kind]):
                happened.append(kind)
        if driver in episode.suspended or driver.poll() not in (None, 0):
            if driver.poll() is not None:
                episode.check_end(driver)
            driver = episode.start()
            episode.workers_harmed.clear()
        elif driver.poll() == 0:
            break
        elif len(happened) >= faults:
            time.sleep(0.02)
    assert driver.poll() == 0, f"after {happened}: {driver.where()}"
    episode.check_end(driver)
    episode.wake()
    return happened
