"""A PostgreSQL of a test's own, which it may crash."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.nas.processes import free_port

SECONDS = 60  # for the server to start or stop


class Server:
    """A PostgreSQL server on loopback; it trusts everybody."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder, self._databases = binaries, folder, 0
        self.port = free_port()
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres")

    @property
    def url(self) -> str:
        """The storage URL of an empty database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def new_database(self) -> str:
        """The storage URL of another, empty database."""
        self._databases += 1
        name = f"study{self._databases}"
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{self.url.rpartition('/')[0]}/{name}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._control("start", "-l", str(self._folder / "log"), "-o", settings)

    def crash(self) -> None:
        """Stop it as a crash does: it recovers when it is started again."""
        self._control("stop", "-m", "immediate")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-t", str(SECONDS), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        user = "postgres" if os.geteuid() == 0 else None  # it does not start as root
        subprocess.run(
            [self._binaries / program, *arguments],
            user=user,
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=2 * SECONDS,
        )


@contextmanager
def running_server() -> Iterator[Server]:
    """A server that runs; skips the test where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + [
        Path(path).parent for path in (shutil.which("initdb"),) if path
    ]
    if not found:
        # other tests of faults need no server
        pytest.skip("install PostgreSQL (Debian: apt-get install postgresql) to test with a server")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        server = Server(found[-1], folder)
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
