"""A dashboard beside a search: it follows the search, does not disturb it, and ends with it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.dashboard import dashboard_process
from nas.errors import ConfigError
from nas.study import StudyStore
from tests.nas.cli.command_line import refused
from tests.nas.conftest import Commands
from tests.nas.dashboard.http import ask
from tests.nas.dashboard.trials import finish

SEARCH = [
    *("nas-search", "--budget-macs", 100_000, "--data", "digits", "--study", "live", "--workers", 1),
    *("--fid-samples", 50, "--teacher-cache-size", 64, "--batch-size", 32, "--replicates", 0),
]

PARENT = """
import signal, sys, time
from pathlib import Path
from nas.dashboard import dashboard_process
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
with dashboard_process(0, Path(sys.argv[1]), "", lambda line: print(line, flush=True)) as show:
    show("digits")
    time.sleep(600)
"""


def waited(condition: Callable[[], object], seconds: float = 120, every: float = 0.3) -> bool:
    """Whether the condition became true in time; `every` so many seconds it is looked."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def answers(url: str) -> bool:
    try:
        ask(url)
    except OSError:
        return False
    return True


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    for name, fid in (("digits", 30), ("another", 1)):
        folder = tmp_path / name
        folder.mkdir()
        with StudyStore.open(f"sqlite:///{folder}/study.db", name) as store:
            finish(store, fid, 1_000_000)
    return tmp_path


def test_a_busy_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is in use: .* another --dashboard"),
            dashboard_process(port, tmp_path, "", pytest.fail),
        ):
            pytest.fail("started")


def test_a_search_with_a_busy_port_ends_with_2_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        refused(f"port {port} on 127.0.0.1 is in use", *SEARCH, "--dashboard", port)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--dashboard", "x"], "--dashboard x: give a whole number"),
        (["--dashboard", "70000"], "--dashboard 70000: give a number of at most 65535"),
        (["--dashboard", "--dry-run"], "--dashboard does not go with --dry-run"),
    ],
)
@pytest.mark.usefixtures("in_an_empty_folder")
def test_a_wrong_request_is_refused(flags: list[str], says: str) -> None:
    refused(says, *SEARCH, *flags)


def test_a_missing_package_is_refused_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("nas.dashboard", "optuna_dashboard"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    monkeypatch.chdir(tmp_path)
    refused("the package optuna_dashboard is not installed: pip install", *SEARCH, "--dashboard", "0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_asks_for_patience_then_shows_the_study_and_ends_with_the_block(workdir: Path) -> None:
    said: list[str] = []
    with dashboard_process(0, workdir, "", said.append) as show:
        (line,) = said
        url = re.findall(r"http://127\.0\.0\.1:\d+/", line)[0]
        waiting = ask(url)
        assert (waiting.status, "is being prepared" in waiting.text) == (503, True)
        show("digits")
        assert waited(lambda: ask(f"{url}api/studies").status == 200)
        listed = json.loads(ask(f"{url}api/studies").text)["study_summaries"]
        assert [each["study_name"] for each in listed] == ["digits", "another"]
        assert ask(f"{url}api/studies", Host="attacker.example").status == 403
    assert not answers(url)
    assert said == [line]


@pytest.mark.slow
def test_a_crash_is_a_line_and_the_block_goes_on(workdir: Path) -> None:
    said: list[str] = []
    with dashboard_process(0, workdir, "", said.append) as show:
        show("no such study")
        assert waited(lambda: len(said) > 1)
    (_, note) = said
    assert note.startswith("Note: the dashboard ended: there is no study 'no such study'")
    assert "the search goes on" in note


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_when_the_driver_is_killed(workdir: Path, number: int) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", PARENT, workdir], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout is not None
        url = re.findall(r"http://127\.0\.0\.1:\d+/", driver.stdout.readline())[0]
        assert waited(lambda: ask(f"{url}api/studies").status == 200)
        driver.send_signal(number)
        driver.wait(timeout=60)
        assert waited(lambda: not answers(url), 30)
    finally:
        driver.kill()
        driver.wait()


@pytest.fixture
def live(commands: Commands, teacher_file: Path) -> tuple[subprocess.Popen[str], str]:
    """A running search and the address of its dashboard."""
    (commands.folder / "nas-runs").mkdir()
    line = [*SEARCH, "--teacher", teacher_file, "--trials", 3, "--rungs", "64,128", "--dashboard", 0]
    process = commands.start(*line)
    assert process.stderr is not None
    first = process.stderr.readline()
    return process, re.findall(r"http://127\.0\.0\.1:\d+", first)[0]


@pytest.mark.slow
def test_the_page_of_a_search_follows_its_trials_and_nothing_is_left_behind(
    live: tuple[subprocess.Popen[str], str], commands: Commands
) -> None:
    process, url = live
    seen: dict[int, tuple[int, int]] = {}  # finished trials ─► pictures, points of plots

    def looked() -> bool:
        try:
            answer = ask(f"{url}/api/studies/1")
        except OSError:
            return True
        if answer.status == 200:
            found = json.loads(answer.text)
            done = [t for t in found["trials"] if t["state"] in ("Complete", "Pruned")]
            plot = json.loads(found["plotly_graph_objects"][0]["graph_object"])
            notes = [t["note"]["body"] for t in done]
            assert all("█" in note for note in notes)
            points = sum(len(trace.get("x") or []) for trace in plot["data"])
            seen[len(done)] = sum(len(t["artifacts"]) for t in done), points
        return False

    assert waited(looked, 300, every=2.0)  # drawing the page takes from the search
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Best student" in out
    assert "the dashboard ended" not in err
    counts = sorted(seen)
    assert len(counts) > 1, seen
    assert [seen[count][0] for count in counts] == counts, "each finished trial has its samples"
    assert seen[counts[0]][1] < seen[counts[-1]][1]
    assert commands.left_behind() == []


@pytest.mark.slow
def test_a_killed_dashboard_does_not_end_the_search(
    live: tuple[subprocess.Popen[str], str], commands: Commands
) -> None:
    process, url = live
    assert waited(lambda: answers(url))
    dashboards = [pid for pid in commands.processes() if _is_dashboard(pid)]
    assert len(dashboards) == 1
    os.kill(dashboards[0], signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err.count("Note: the dashboard ended with code -9; the search goes on") == 1


def _is_dashboard(pid: int) -> bool:
    return b"nas.dashboard.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
