"""A search that was killed goes on where it stopped: nothing finished is lost or repeated."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nas.study import RungRecord, StudyStore

pytestmark = pytest.mark.slow

PATIENCE = 240.0  # seconds: the machine may be busy
TRIALS = 6


@pytest.fixture
def command(teacher_file: Path) -> tuple[object, ...]:
    flags = "--study killed --budget-macs 100k --rungs 320,640,1280 --fid-samples 64 --bank-size 64"
    more = f"--batch-size 16 --workers 2 --trials {TRIALS} --json --data digits"
    return ("nas-search", "--teacher", teacher_file, *flags.split(), *more.split())


def recorded(database: Path) -> int:
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as connection:
            return int(connection.execute("SELECT count(*) FROM nas_rungs").fetchone()[0])
    except sqlite3.Error:  # not made yet
        return 0


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(database: Path) -> tuple[dict[int, str], dict[int, str], list[RungRecord]]:
    """States and architectures by trial, and all rungs."""
    with StudyStore.open(f"sqlite:///{database}", "killed", create=False) as store:
        trials = [trial for trial in store.study.trials if "architecture" in trial.user_attrs]
        return (
            {trial.number: trial.state.name for trial in trials},
            {trial.number: trial.user_attrs["architecture"] for trial in trials},
            store.rungs(),
        )


@pytest.mark.parametrize("rungs", [2, 7])
def test_after_kill_9_the_same_command_ends_with_exactly_the_trials_asked_for(
    commands: Any, command: tuple[object, ...], tmp_path: Path, rungs: int
) -> None:
    database = tmp_path / "nas-runs" / "killed" / "study.db"
    killed = commands.start(*command)
    wait_for(lambda: recorded(database) >= rungs, killed)
    commands.kill_all()
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    states, architectures, before = state_of(database)
    assert "RUNNING" in states.values()

    done = commands.run(*command, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["trials"]) == TRIALS
    assert {trial["state"] for trial in found["trials"]} <= {"COMPLETE", "PRUNED"}
    after = {(rung["trial"], rung["rung"]): rung for trial in found["trials"] for rung in trial["rungs"]}
    by_number = {trial["number"]: trial for trial in found["trials"]}
    for number, state in states.items():  # the same architectures under the same numbers
        assert by_number[number]["summary"] == architectures[number]
        if state != "RUNNING":
            assert by_number[number]["state"] == state
            assert len(by_number[number]["rungs"]) == sum(record.trial == number for record in before)
    for record in before:  # also the worker, the seconds and the checkpoint's SHA-256: not trained again
        assert after[record.trial, record.rung] == json.loads(record.model_dump_json())


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    database = tmp_path / "nas-runs" / "killed" / "study.db"
    stopped = commands.start(*command)
    wait_for(lambda: recorded(database) >= 1, stopped)
    os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does
    _, err = stopped.communicate(timeout=PATIENCE)
    assert stopped.returncode == 130, err
    assert err.splitlines()[-1].endswith("interrupted; run the same command again to go on")
    assert "Traceback" not in err
    wait_until_gone(commands)
    done = commands.run(*command, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["trials"]) == TRIALS


def wait_until_gone(commands: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while commands.processes():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_while_one_driver_runs_a_second_one_is_refused(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    database = tmp_path / "nas-runs" / "killed" / "study.db"
    first = commands.start(*command)
    wait_for(lambda: recorded(database) >= 1, first)
    second = commands.run(*command, timeout=PATIENCE)
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    assert f"is being run by pid {first.pid}" in second.stderr
    out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, err
    assert len(json.loads(out)["trials"]) == TRIALS
