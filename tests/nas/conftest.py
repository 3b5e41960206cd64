"""What the tests of `nas` share: a tiny search on a tiny teacher, and a finished study made without Ray."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from distill.evaluation.extractors import EXTRACTORS
from distill.evaluation.extractors.sources import Packaged
from nas.config import SearchConfig
from nas.reporting import SearchReport
from nas.workbench import Workbench
from tests.nas.studies import finished_study

optuna.logging.set_verbosity(optuna.logging.ERROR)

TINY: dict[str, Any] = {
    "rungs": (64, 128, 256),
    "fid_samples": 50,
    "teacher_cache_size": 64,
    "batch_size": 32,
    "trials": 5,
    "workers": 2,
}
"""A search of seconds."""

MakeBench = Callable[..., Workbench]


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def warm_bench(teacher_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A workbench with everything loaded, to be copied."""
    config = SearchConfig.of(
        **TINY,
        budget_macs=100_000,
        teacher=teacher_file,
        data="digits",
        study="tiny",
        workdir=tmp_path_factory.mktemp("bench"),
    )
    bench = Workbench(config)
    bench.load_data()
    bench.teacher_score()  # makes the teacher cache and the real images' statistics
    return bench


@pytest.fixture
def make_bench(warm_bench: Workbench, tmp_path: Path) -> MakeBench:
    """A workbench in this test's own folder, with some settings changed."""

    def make(**changes: Any) -> Workbench:
        bench = copy.copy(warm_bench)
        vars(bench).pop("identity", None)
        bench.config = warm_bench.config.model_copy(update={"workdir": tmp_path / "runs", **changes})
        return bench

    return make


@pytest.fixture(scope="session")
def finished(warm_bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> SearchReport:
    """A study of four trials: two complete, one stopped early, one failed. Don't write to it."""
    return finished_study(warm_bench, tmp_path_factory.mktemp("finished"), (2, 2, 0, None), trials=4)


@pytest.fixture(scope="session")
def replicated(warm_bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> SearchReport:
    """A study of three architectures, all complete, the first one from three seeds. Don't write to it."""
    workdir = tmp_path_factory.mktemp("replicated")
    return finished_study(warm_bench, workdir, (2,) * 5, trials=3, replicates=4)


@pytest.fixture(autouse=True)
def inception_at_hand(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inception's weights seem to be on this machine, so that no check asks the network for them."""
    file = tmp_path_factory.getbasetemp() / "inception.pth"
    file.touch()
    entry = EXTRACTORS["inception"]
    monkeypatch.setitem(EXTRACTORS, "inception", replace(entry, source=Packaged(file)))


class Commands:
    """Runs our console scripts as a user does, and knows every process they started, Ray's too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = f"NAS_TEST_MARK={uuid.uuid4().hex}"

    def start(self, *line: object) -> subprocess.Popen[str]:
        """Start a command, one of ours by its name or any by its path, in a session of its own."""
        name, *arguments = map(str, line)
        key, _, value = self._mark.partition("=")
        return subprocess.Popen(
            [name if "/" in name else Path(sys.executable).with_name(name), *arguments],
            cwd=self.folder,
            env=os.environ | {key: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *line: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*line)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def processes(self) -> list[int]:
        """Everything alive that our commands have started: it inherits their environment."""
        alive = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self._mark.encode() in (entry / "environ").read_bytes():
                    alive.append(int(entry.name))
        return alive

    def left_behind(self, seconds: float = 30) -> list[int]:
        """What is still alive when everything has had time to end: on a busy machine dying takes a moment."""
        deadline = time.monotonic() + seconds
        while (alive := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return alive

    def kill_all(self) -> None:
        """kill -9, again for what was being started at that moment."""
        for _ in range(50):
            if not (alive := self.processes()):
                return
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Console scripts, run in `tmp_path`; whatever they leave running is killed."""
    made = Commands(tmp_path)
    yield made
    made.kill_all()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs/study.db"
    given = os.environ.get("NAS_TEST_POSTGRES")
    if not given:  # the suite runs without a server, and SQLite's half still tests the same
        pytest.skip("set NAS_TEST_POSTGRES to the URL of an empty PostgreSQL database to test with one")
    return given


@pytest.fixture
def name() -> str:
    return f"study-{uuid.uuid4().hex[:8]}"  # a PostgreSQL database is shared by all tests
