"""One Ray of several nodes on one host, each with a work folder of its own, and S3 between them.

A node is killed on the way and another one joins; the store is away for a while; the study is the one that a
single machine makes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nas.config import SearchConfig
from nas.exchange import VARIABLE
from nas.study import StudyStore
from nas.trials import TrialAttributes
from tests.nas.conftest import Commands
from tests.nas.exchange.s3_server import AWAY, BUCKET, KEYS, S3Server, object_names, s3_server
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.processes import command_lines, free_port, until

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1500)]

PATIENCE = 400.0  # seconds: the machine may be busy
ONE_HOST = ("--node-ip-address=127.0.0.1", "--object-store-memory=80000000", "--disable-usage-stats")
SEARCH = "--study apart --budget-macs 100k --rungs 240,480 --fid-samples 50 --teacher-cache-size 64"
SEARCH += " --trials 2 --batch-size 16 --workers 1 --replicates 0 --data digits --checkpoint-every 1s"


class Cluster:
    """Ray nodes as processes of this host."""

    def __init__(self, commands: Commands, folder: Path) -> None:
        self.commands, self.folder, self.port = commands, folder, free_port()
        head = ("--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false")
        self.head = self._start(folder / "unused", *head)

    def join(self, name: str) -> None:
        """Start a node with the work folder `name`, and as many cores as a search on this host has."""
        cores = len(os.sched_getaffinity(0))
        self._start(self.folder / name, f"--address=127.0.0.1:{self.port}", f"--num-cpus={cores}")

    def kill(self, name: str) -> None:
        """kill -9 all processes of a node, as if its machine lost power; its disk is gone, too."""
        mark = f"{VARIABLE}={self.folder / name}".encode()
        for pid in self.commands.processes():
            with suppress(OSError):
                if mark in (Path(f"/proc/{pid}/environ").read_bytes()).split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder / name)

    def _start(self, workdir: Path, *flags: str) -> subprocess.Popen[str]:
        line = ("ray", "start", "--block", *flags, *ONE_HOST)
        return self.commands.start("/usr/bin/env", f"{VARIABLE}={workdir}", *line)

    def search(self, *flags: object) -> subprocess.Popen[str]:
        """Start the search."""
        where = ("--ray-address", f"127.0.0.1:{self.port}", "--exchange", f"s3://{BUCKET}/searches")
        return self.commands.start("nas-search", *SEARCH.split(), *where, *flags)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture
def cluster(
    commands: Commands, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    ray = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets need a short path
    bin_ = Path(sys.executable).parent
    for name, value in {
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "RAY_TMPDIR": ray,
        "RAY_worker_niceness": "0",
        "RAY_AUTH_MODE": "disabled",
    }.items():
        monkeypatch.setenv(name, value)
    made = Cluster(commands, tmp_path)
    try:
        yield made
    finally:
        commands.kill_all()
        shutil.rmtree(ray, ignore_errors=True)


def config(workdir: Path, teacher: Path) -> SearchConfig:
    return SearchConfig.of(
        study="apart", budget_macs=100_000, rungs=(240, 480), fid_samples=50, teacher_cache_size=64,
        trials=2, replicates=0, batch_size=16, teacher=teacher, data="digits", workdir=workdir,
    )  # fmt: skip


@pytest.fixture
def wanted(commands: Commands, teacher_file: Path, tmp_path: Path) -> list[Any]:
    """The study of the same search on one machine."""
    workdir = tmp_path / "alone"
    line = ("nas-search", *SEARCH.split(), "--teacher", teacher_file, "--workdir", workdir)
    done = commands.run(*line, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return table(config(workdir, teacher_file))


def test_a_search_whose_node_is_lost_goes_on_elsewhere_and_is_the_one_of_a_single_machine(
    wanted: list[Any], cluster: Cluster, commands: Commands, s3: S3Server, teacher_file: Path, tmp_path: Path
) -> None:
    driver = tmp_path / "driver"
    cluster.join("a")
    search = cluster.search("--teacher", teacher_file, "--workdir", driver)
    first = driver / "apart" / "trials" / "0000" / "checkpoint-rung-1.pt"
    until(first.exists, "the first rung", PATIENCE, search)
    shown = command_lines(commands.processes())
    cluster.kill("a")
    cluster.join("b")
    until(lambda: (tmp_path / "b" / "apart" / "trials" / "0000").exists(), "the other node", PATIENCE, search)
    shown += command_lines(commands.processes())
    left = [3]

    def away(method: str, path: str) -> tuple[str, str] | None:
        is_put = method == "PUT" and "/trials/" in path
        left[0] -= is_put
        return AWAY if is_put and left[0] >= 0 else None

    s3.answer = away
    out, err = search.communicate(timeout=PATIENCE)
    assert search.returncode == 0, err
    assert "its worker died, another one resumes from its last checkpoint" in err
    assert left[0] < 0
    found = config(driver, teacher_file)
    assert broken_invariants(found) == []
    assert table(found) == wanted
    with StudyStore.open(found.storage_url, "apart", create=False) as store:
        lost = [TrialAttributes.from_trial(trial).workers_lost for trial in store.study.get_trials()]
        text = str(store.study.user_attrs) + (driver / "apart" / "config.toml").read_text()
    assert sum(lost) == 1
    assert object_names() == []
    assert "s3://" in text
    for secret in (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]):
        assert secret not in shown + out + err + text
    where = ("--study", "apart", "--workdir", driver)
    exported = commands.run("nas-export", *where, "-o", tmp_path / "student.safetensors")
    assert exported.returncode == 0, exported.stderr


def test_a_killed_driver_resumes_and_a_wrong_bucket_is_refused_before_anything_starts(
    cluster: Cluster, commands: Commands, s3: S3Server, teacher_file: Path, tmp_path: Path
) -> None:
    driver = tmp_path / "driver"
    cluster.join("a")
    flags = ("--teacher", teacher_file, "--workdir", driver)
    refused = cluster.search(*flags, "--exchange", "s3://none-such/p")
    _, err = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 2
    assert "--exchange s3://none-such/p: there is no such bucket" in err.splitlines()[-1]
    assert not driver.exists()
    search = cluster.search(*flags)
    first = driver / "apart" / "trials" / "0000" / "checkpoint-rung-1.pt"
    until(first.exists, "the first rung", PATIENCE, search)
    search.send_signal(signal.SIGKILL)
    search.communicate(timeout=PATIENCE)
    assert object_names()
    again = cluster.search(*flags)
    _, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    assert broken_invariants(config(driver, teacher_file)) == []
    assert object_names() == []
