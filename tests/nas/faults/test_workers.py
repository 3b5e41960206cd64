"""Real workers that are stopped, and Ray itself that is killed, under a real search."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nas.study import StudyStore
from nas.trials import TrialAttributes
from tests.nas.faults.drivers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

TIMEOUT = "15s"
START = 30.0  # seconds that a worker may take to start
PATIENCE = 400.0  # seconds: the machine may be busy


@pytest.fixture
def command(teacher_file: Path) -> tuple[object, ...]:
    flags = "--study hung --budget-macs 100k --rungs 160,320 --fid-samples 50 --teacher-cache-size 64"
    more = f"--batch-size 16 --workers 1 --replicates 0 --data digits --trials 2 --worker-timeout {TIMEOUT}"
    return ("nas-search", "--teacher", teacher_file, *flags.split(), *more.split())


def named(commands: Any, name: str) -> list[int]:
    """Processes of the commands whose first word is `name` or begins with it."""
    found = []
    for pid in commands.processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].decode(errors="replace").rpartition("/")[2].startswith(name):
            found.append(pid)
    return found


def workers(commands: Any) -> list[int]:
    return [pid for pid in named(commands, "ray::ResourceTrainable") if _state(pid) not in "TZ"]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def stop_a_worker(commands: Any, process: subprocess.Popen[str], folder: Path) -> int:
    """Stop a worker that has reported since this was called: a report outlives the worker that wrote it."""
    began = time.time()

    def trains() -> bool:
        reports = [path for path in folder.glob("trials/*/.progress") if _written(path) > began]
        return bool(reports and workers(commands))

    wait_for(trains, process, seconds=PATIENCE)
    (worker,) = workers(commands)
    os.kill(worker, signal.SIGSTOP)
    return worker


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it is gone
        return 0.0


def test_a_stopped_worker_is_killed_and_its_trial_resumes(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "nas-runs" / "hung"
    search = commands.start(*command)
    stopped = stop_a_worker(commands, search, folder)
    _, said = search.communicate(timeout=PATIENCE)
    assert search.returncode == 0, said
    lines = [line for line in said.splitlines() if "reported nothing for" in line]
    assert len(lines) == 1, said
    assert "and was killed, another one resumes from its last checkpoint in 2 s" in lines[0]
    assert stopped not in commands.processes()
    with StudyStore.open(f"sqlite:///{folder / 'study.db'}", "hung", create=False) as store:
        trials = store.study.get_trials()
    assert [trial.state.name for trial in trials].count("FAIL") == 0
    assert sorted(TrialAttributes.from_trial(trial).workers_lost for trial in trials) == [0, 1]


def test_a_worker_that_stands_still_while_it_starts_is_killed_and_replaced(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "nas-runs" / "hung"
    code = f"from nas.execution import watchdog; watchdog.START_SECONDS = {START}; "
    code += "import sys; from nas.cli.search import main; sys.argv[0] = 'nas-search'; main()"
    search = commands.start(sys.executable, "-c", code, *command[1:])
    starting = "ray::ResourceTrainable.__init__"
    wait_for(lambda: bool(named(commands, starting)), search, seconds=PATIENCE)
    (worker,) = named(commands, starting)
    os.kill(worker, signal.SIGSTOP)
    _, said = search.communicate(timeout=PATIENCE)
    assert search.returncode == 0, said
    assert said.count("and was killed, another one resumes") == 1, said
    assert worker not in commands.processes()
    with StudyStore.open(f"sqlite:///{folder / 'study.db'}", "hung", create=False) as store:
        assert {trial.state.name for trial in store.study.get_trials()} == {"COMPLETE"}


def test_a_trial_whose_workers_stop_twice_fails_and_the_search_goes_on(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "nas-runs" / "hung"
    search = commands.start(*command)
    first = stop_a_worker(commands, search, folder)
    wait_for(lambda: first not in commands.processes(), search, seconds=PATIENCE)
    stop_a_worker(commands, search, folder)
    _, said = search.communicate(timeout=PATIENCE)
    assert search.returncode == 0, said
    assert "Traceback" not in said
    with StudyStore.open(f"sqlite:///{folder / 'study.db'}", "hung", create=False) as store:
        trials = {trial.state.name: TrialAttributes.from_trial(trial) for trial in store.study.get_trials()}
    assert set(trials) == {"FAIL", "COMPLETE"}
    assert str(trials["FAIL"].reason).startswith("2 workers were lost; the last one reported nothing for 1")
    assert trials["FAIL"].workers_lost == 2
    assert not [*folder.rglob("*interim*"), *folder.rglob(".progress")]


def test_a_killed_raylet_ends_the_search_with_a_line_and_the_same_command_resumes(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "nas-runs" / "hung"
    search = commands.start(*command)
    wait_for(lambda: any(folder.glob("trials/*/.progress")), search, seconds=PATIENCE)
    (raylet,) = named(commands, "raylet")
    os.kill(raylet, signal.SIGKILL)
    began = time.monotonic()
    out, said = search.communicate(timeout=PATIENCE)
    assert search.returncode == 1, said
    assert time.monotonic() - began < 60
    assert said.splitlines()[-1] == (
        "nas-search: Ray has ended on this machine (its raylet was killed, perhaps for memory): what was "
        "recorded is kept; run the same command again"
    )
    assert "Traceback" not in said
    assert "Raylet" not in said
    assert out == ""
    assert commands.left_behind(seconds=120) == []  # Ray's agents look for their raylet now and then
    again = commands.run(*command)
    assert again.returncode == 0, again.stderr
