"""What a worker reports is received in the driver."""

from __future__ import annotations

import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from distill.progress import LISTENER, RELAY_SECONDS, OnProgress, Reporter, relayed

Reports = list[tuple[str, int, int]]


def count(report: OnProgress, total: int) -> None:
    for done in range(1, total + 1):
        report("counting", done, total)


def count_and_fail(report: OnProgress) -> None:
    count(report, 3)
    raise ZeroDivisionError


def test_a_worker_tells_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    report, said = Reporter(tmp_path / "reports"), []
    for done, seconds in ((1, 0.0), (2, 0.1), (3, 0.3), (4, 0.3), (5, 0.3)):
        now[0] = 100 + seconds
        report("counting", done, 5)
        said.append(json.loads((tmp_path / "reports").read_text())[1])
    assert said == [1, 1, 3, 3, 5]


def test_a_worker_is_heard_up_to_the_end(tmp_path: Path) -> None:
    reports: Reports = []
    with relayed(lambda *message: reports.append(message), tmp_path / "reports") as report:
        worker = multiprocessing.get_context("spawn").Process(target=count, args=(report, 10_000))
        worker.start()
        worker.join()
    assert reports[-1] == ("counting", 10_000, 10_000)


def test_it_is_heard_while_the_worker_is_busy(tmp_path: Path) -> None:
    heard = threading.Event()
    with relayed(lambda *_: heard.set(), tmp_path / "reports") as report:
        report("counting", 1, 10)
        assert heard.wait(100 * RELAY_SECONDS)


def test_reports_of_a_killed_run_are_not_repeated(tmp_path: Path) -> None:
    reports: Reports = []
    (tmp_path / "reports").write_text('["counting", 1, 2]')
    with relayed(lambda *message: reports.append(message), tmp_path / "reports"):
        pass
    assert reports == []


def test_nothing_is_left_behind_when_a_worker_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), relayed(lambda *_: None, tmp_path / "reports") as report:
        count_and_fail(report)
    assert not [thread for thread in threading.enumerate() if thread.name == LISTENER]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_does_not_end_the_work(tmp_path: Path) -> None:
    with relayed(lambda *_: None, tmp_path / "gone" / "reports") as report:
        count(report, 3)
