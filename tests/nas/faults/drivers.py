"""Drivers as processes of their own: a search of stubs that takes its time, to be stopped and killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from nas.config import SearchConfig
from nas.database import Rung

PATIENCE = 120.0  # seconds: the machine may be busy

CODE = """
import sys, time
from pathlib import Path
from unittest import mock
from rich.console import Console
from nas.config import SearchConfig
from nas.driver import prepare
from nas.errors import SearchError
from search_spaces import UserError
from tests.nas.faults import stub_search
settings, pause = eval(sys.argv[1]), float(sys.argv[2])
measure = stub_search.StubCandidate._measure
def slow(self, *arguments):
    time.sleep(pause)
    return measure(self, *arguments)
import nas.database.lease as lease
lease.HEARTBEAT_SECONDS, lease.EXPIRY_SECONDS, lease.STALE_SECONDS = (float(a) for a in sys.argv[3:6])
with mock.patch.object(stub_search.StubCandidate, "_measure", slow):
    try:
        stub_search.run_stub_search(prepare(SearchConfig.of(**settings)), Console(file=sys.stdout, width=200))
    except (UserError, SearchError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
"""


def start(
    settings: dict[str, object], *, pause: float, heartbeat: tuple[float, float, float] = (10.0, 60.0, 40.0)
) -> subprocess.Popen[str]:
    """Start a driver; `pause` seconds a rung; `heartbeat`: how often, when it expires, when it is stale."""
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-c", CODE, repr(plain), str(pause), *map(str, heartbeat)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )


def rungs_recorded(config: SearchConfig) -> int:
    """Rungs in the study of `config`; 0 while its database can't be read."""
    try:
        engine = sa.create_engine(config.storage_url)
        with engine.connect() as connection:
            count = sa.select(sa.func.count()).select_from(Rung).where(Rung.study == config.study)
            return int(connection.execute(count).scalar_one())
    except sa.exc.SQLAlchemyError:
        return 0
    finally:
        engine.dispose()


def wait_for(condition: Callable[[], bool], *processes: subprocess.Popen[str]) -> None:
    """Wait until `condition` holds while all `processes` run."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)
