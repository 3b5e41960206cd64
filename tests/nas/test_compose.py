"""The cluster of docker/compose.yaml without containers: its commands on one host, and a search by them.

Only addresses are replaced, and what three Ray nodes on one host need is appended. Skips where there is no
PostgreSQL of Debian's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from nas.config import SearchConfig
from nas.study import StudyStore
from tests.browser import CHROMIUM, document
from tests.nas.conftest import Commands
from tests.nas.faults.invariants import broken_invariants
from tests.nas.processes import command_lines, free_port, until

DOCKER = Path(__file__).parents[2] / "docker"
SERVICES: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
PASSWORD, TOKEN, RAY_TOKEN = "p@ss:w/rd %40", "a-token-of-this-test", "0123456789abcdef" * 2
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
ONE_HOST = ("--node-ip-address=127.0.0.1", "--object-store-memory=80000000")
FLAGS = "--study composed --budget-macs 2M --trials 6 --replicates 0 --rungs 2k,4k --fid-samples 50"
SEARCH = tuple(FLAGS.split())
BRIEF, PATIENCE = 120.0, 900.0  # seconds: the machine may be busy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SERVERS, reason="needs PostgreSQL in /usr/lib/postgresql"),
]


class Cluster:
    """The services of the compose file as processes of this host."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands
        self.postgres, self.ray, self.dashboard = free_port(), free_port(), free_port()

    def here(self, word: str) -> str:
        """A word of the compose file with this host's addresses."""
        for theirs, ours in (
            ("@postgres/", f"@127.0.0.1:{self.postgres}/"),
            ("ray-head:6379", f"127.0.0.1:{self.ray}"),
            ("127.0.0.1:6379", f"127.0.0.1:{self.ray}"),
            ("--port=6379", f"--port={self.ray}"),
            ("0.0.0.0", "127.0.0.1"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.dashboard}"),
            ("/run/secrets", os.environ["NAS_SECRETS"]),
            ("/usr/local/bin/entrypoint.sh", str(DOCKER / "entrypoint.sh")),
        ):
            word = word.replace(theirs, ours)
        return word

    def start(self, name: str, *more: str, command: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a service; `command` replaces its own, as in `docker compose run`."""
        service = SERVICES[name]
        entrypoint = service.get("entrypoint", ["sh", "/usr/local/bin/entrypoint.sh"])
        words = [*map(str, entrypoint), *(command or map(str, service["command"]))]
        variables = [
            f"{key}={self.here(str(value))}" for key, value in service.get("environment", {}).items()
        ]
        return self.commands.start("/usr/bin/env", *variables, *(self.here(word) for word in words), *more)

    def variables(self, name: str) -> list[str]:
        """The environment of a service, KEY=VALUE."""
        return [f"{k}={self.here(str(v))}" for k, v in SERVICES[name].get("environment", {}).items()]

    def ray_status(self) -> str:
        """What `ray status` prints: nodes, and CPUs as used/all."""
        line = (*self.variables("worker"), "ray", "status", "--address", f"127.0.0.1:{self.ray}")
        return self.commands.run("/usr/bin/env", *line, timeout=120).stdout

    def is_healthy(self, name: str, *more: str) -> bool:
        """What the service's health check says."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        line = (*self.variables(name), *map(self.here, words), *more)
        return self.commands.run("/usr/bin/env", *line, timeout=60).returncode == 0


@pytest.fixture
def server(tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster whose PostgreSQL runs, as the image makes it: user and database `nas`, log-in by password."""
    cluster, bin_ = Cluster(commands), SERVERS[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # the server's own user must reach it
    ray = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets need a short path
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "db_password").write_text(PASSWORD)
    (secrets / "dashboard_token").write_text(TOKEN)
    (secrets / "ray_token").write_text(RAY_TOKEN)
    (folder / "password").write_text(PASSWORD + "\n")
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    for name, value in {
        "PATH": f"{Path(sys.executable).parent}:{bin_}:{os.environ['PATH']}",
        "NAS_SECRETS": str(secrets),
        "RAY_TMPDIR": ray,
        "RAY_worker_niceness": "0",
    }.items():
        monkeypatch.setenv(name, value)
    options = ["-A", "scram-sha-256", "-U", "nas", f"--pwfile={folder}/password", "-D", f"{folder}/data"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([SERVERS[-1], *options], check=True, timeout=120, cwd=folder, **quiet, **user)
    listen = ["-p", str(cluster.postgres), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    running = subprocess.Popen(
        [bin_ / "postgres", "-D", folder / "data", *listen], cwd=folder, **quiet, **user
    )
    try:
        until(
            lambda: cluster.is_healthy("postgres", "-h", "127.0.0.1", "-p", str(cluster.postgres)),
            *("PostgreSQL", BRIEF),
        )
        creation = [bin_ / "createdb", "-h", "127.0.0.1", "-p", str(cluster.postgres), "-U", "nas", "nas"]
        subprocess.run(creation, env=os.environ | {"PGPASSWORD": PASSWORD}, check=True, timeout=60)
        yield cluster
    finally:
        commands.kill_all()
        running.send_signal(2)  # a fast shutdown
        try:
            running.wait(timeout=30)
        except subprocess.TimeoutExpired:
            running.kill()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(ray, ignore_errors=True)


def status(url: str, **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def processes_of(service: subprocess.Popen[str]) -> list[psutil.Process]:
    """A service and everything that it has started, as a container holds them."""
    try:
        root = psutil.Process(service.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def trained_in(service: subprocess.Popen[str]) -> set[int]:
    """The workers of a node that hold a candidate."""
    found = set()
    for process in processes_of(service):
        try:
            if process.name().startswith("ray::Resource") or "ResourceTrainable" in process.cmdline()[0]:
                found.add(process.pid)
        except (psutil.Error, IndexError):  # it has ended
            continue
    return found


def kill(service: subprocess.Popen[str]) -> None:
    """End a container as a power cut does."""
    for process in processes_of(service):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def test_a_search_runs_through_the_commands_of_the_compose_file(
    server: Cluster, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = server.start("ray-head", *ONE_HOST)
    until(lambda: server.is_healthy("ray-head"), "Ray's head", BRIEF)
    # one after the other: nodes of one host that start at once may choose the same port
    first = server.start("worker", *ONE_HOST, "--num-cpus=1")
    until(lambda: server.is_healthy("worker") and "/1.0 CPU" in server.ray_status(), "a worker", PATIENCE)
    server.start("worker", *ONE_HOST, "--num-cpus=1")
    until(lambda: "/2.0 CPU" in server.ray_status(), "two workers", PATIENCE)
    uninvited = ("--ray-address", f"127.0.0.1:{server.ray}", *SEARCH)
    refused = commands.run("/usr/bin/env", "RAY_AUTH_MODE=disabled", "nas-search", *uninvited)
    assert refused.returncode == 2
    assert "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH" in refused.stderr.splitlines()[-1]

    search = server.start("search", command=SEARCH)
    until(lambda: trained_in(first) or search.poll() is not None, "a candidate on the first worker", PATIENCE)
    kill(first)
    third = server.start("worker", *ONE_HOST, "--num-cpus=1")
    shown, joined = "", set[int]()
    deadline = time.monotonic() + PATIENCE
    while search.poll() is None:
        shown += command_lines(commands.processes())
        joined |= trained_in(third)
        assert time.monotonic() < deadline, f"the search: not within {PATIENCE:.0f} s"
        time.sleep(1)
    out, err = search.communicate(timeout=30)
    assert search.returncode == 0, err
    assert "Best student" in out + err
    assert [node.poll() for node in (head, third)] == [None] * 2
    print(out + err)  # shown by -s, or where something below fails
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    study_is_whole(tmp_path / "nas-runs" / "composed", joined)
    monkeypatch.delenv("PGPASSWORD")

    dashboard = server.start("dashboard", "--port", str(server.dashboard))
    until(lambda: dashboard.poll() is not None or server.is_healthy("dashboard"), "the dashboard", BRIEF)
    assert dashboard.poll() is None, dashboard.communicate()[1]
    url = f"http://127.0.0.1:{server.dashboard}"
    assert status(f"{url}/api/studies/1") == 401
    assert status(f"{url}/api/studies/1", Authorization=f"Bearer {TOKEN}") == 200
    if CHROMIUM is not None:
        asked = document(f"{url}/", tmp_path)
        assert "This dashboard asks for a token." in asked
        assert "composed" not in asked
        assert "composed" in document(f"{url}/?token={TOKEN}", tmp_path)
    shown += command_lines(commands.processes())
    assert "nas-search" in shown
    assert "nas-dashboard" in shown
    assert PASSWORD not in shown
    assert TOKEN not in shown
    assert RAY_TOKEN not in shown


def study_is_whole(folder: Path, joined: set[int]) -> None:
    """Check that the study holds its invariants, and that workers of a node that `joined` have trained."""
    config = SearchConfig.model_validate(tomllib.loads((folder / "config.toml").read_text()))
    config = config.model_copy(update={"workdir": folder.parent})
    assert broken_invariants(config) == []
    with StudyStore.open(config.storage_url, config.study, create=False) as store:
        trained = {int(record.worker.rpartition(":")[2]) for record in store.rungs()}
    assert trained & joined
