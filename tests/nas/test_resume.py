"""A killed search resumes: nothing finished is lost or repeated."""

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
from typing import Any, NamedTuple

import pytest

from nas.study import RungRecord, StudyStore
from tests.nas.cli.command_line import result_of

pytestmark = pytest.mark.slow

PATIENCE = 240.0  # seconds: the machine may be busy
TRIALS = 4


@pytest.fixture
def command(teacher_file: Path) -> tuple[object, ...]:
    flags = "--study killed --budget-macs 100k --rungs 320,640,1280 --fid-samples 64 --teacher-cache-size 64"
    more = f"--batch-size 16 --workers 2 --json --data digits --trials {TRIALS}"
    return ("nas-search", "--teacher", teacher_file, *flags.split(), *more.split())


def count(database: Path, what: str) -> int:
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])
    except sqlite3.Error:  # not made yet
        return 0


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Seen(NamedTuple):
    """What a study held when its search was killed."""

    states: dict[int, str]
    architectures: dict[int, str]
    rungs: list[RungRecord]


def state_of(database: Path) -> Seen:
    with StudyStore.open(f"sqlite:///{database}", "killed", create=False) as store:
        trials = [trial for trial in store.study.trials if "architecture" in trial.user_attrs]
        return Seen(
            {trial.number: trial.state.name for trial in trials},
            {trial.number: trial.user_attrs["architecture"] for trial in trials},
            store.rungs(),
        )


def test_after_kill_9_the_same_command_ends_with_exactly_the_trials_asked_for(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    database = tmp_path / "nas-runs" / "killed" / "study.db"
    killed = commands.start(*command)
    wait_for(lambda: count(database, "trials WHERE state = 'COMPLETE'") >= 1, killed)
    commands.kill_all()  # the driver and all of Ray
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    before = state_of(database)
    assert {"COMPLETE", "RUNNING"} <= set(before.states.values())

    done = commands.run(*command, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = result_of(done.stdout)
    trials = {trial["number"]: trial for trial in found["trials"]}
    replicates = sum(trial["replicate_of"] is not None for trial in found["trials"])
    assert len(trials) == TRIALS + replicates
    assert replicates <= TRIALS // 4
    assert {trial["state"] for trial in found["trials"]} <= {"COMPLETE", "PRUNED"}
    for number, state in before.states.items():
        assert trials[number]["summary"] == before.architectures[number]  # resumes under its own number
        if state != "RUNNING":
            assert trials[number]["state"] == state
            assert len(trials[number]["rungs"]) == sum(rung.trial == number for rung in before.rungs)
    rungs = {(rung["trial"], rung["rung"]): rung for trial in found["trials"] for rung in trial["rungs"]}
    for rung in before.rungs:  # worker, seconds and SHA-256 as they were: not trained again
        assert rungs[rung.trial, rung.rung] == json.loads(rung.model_dump_json())


def test_a_second_driver_is_refused_and_ctrl_c_ends_the_first_with_130(
    commands: Any, command: tuple[object, ...], tmp_path: Path
) -> None:
    database = tmp_path / "nas-runs" / "killed" / "study.db"
    first = commands.start(*command[:-1], 999)
    wait_for(lambda: count(database, "nas_rungs") >= 1, first)
    second = commands.run(*command, timeout=PATIENCE)
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    assert f"is being run by pid {first.pid}" in second.stderr
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does
    out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130, err
    assert err.splitlines()[-1].endswith("interrupted; run the same command again to resume")
    assert "Traceback" not in err
    assert "result" not in {json.loads(line)["event"] for line in out.splitlines()}
    assert "RUNNING" in state_of(database).states.values()
    deadline = time.monotonic() + PATIENCE
    while commands.processes():  # Ray's end a moment later
        assert time.monotonic() < deadline
        time.sleep(0.1)
