"""What a worker reports is received in the driver."""

from __future__ import annotations

import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from distill.progress import LISTENER, RELAY_SECONDS, OnProgress, Reporter, relayed

Told = list[tuple[str, int, int]]


def count(tell: OnProgress, total: int) -> None:
    for done in range(1, total + 1):
        tell("counting", done, total)


def count_and_fail(tell: OnProgress) -> None:
    count(tell, 3)
    raise ZeroDivisionError


def test_a_worker_tells_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    tell, said = Reporter(tmp_path / "told"), []
    for done, seconds in ((1, 0.0), (2, 0.1), (3, 0.3), (4, 0.3), (5, 0.3)):
        now[0] = 100 + seconds
        tell("counting", done, 5)
        said.append(json.loads((tmp_path / "told").read_text())[1])
    assert said == [1, 1, 3, 3, 5]


def test_a_worker_is_heard_up_to_the_end(tmp_path: Path) -> None:
    told: Told = []
    with relayed(lambda *message: told.append(message), tmp_path / "told") as tell:
        worker = multiprocessing.get_context("spawn").Process(target=count, args=(tell, 10_000))
        worker.start()
        worker.join()
    assert told[-1] == ("counting", 10_000, 10_000)


def test_it_is_heard_while_the_worker_is_busy(tmp_path: Path) -> None:
    heard = threading.Event()
    with relayed(lambda *_: heard.set(), tmp_path / "told") as tell:
        tell("counting", 1, 10)
        assert heard.wait(100 * RELAY_SECONDS)


def test_what_a_killed_run_told_is_not_heard_again(tmp_path: Path) -> None:
    told: Told = []
    (tmp_path / "told").write_text('["counting", 1, 2]')
    with relayed(lambda *message: told.append(message), tmp_path / "told"):
        pass
    assert told == []


def test_nothing_is_left_behind_when_a_worker_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), relayed(lambda *_: None, tmp_path / "told") as tell:
        count_and_fail(tell)
    assert not [thread for thread in threading.enumerate() if thread.name == LISTENER]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_does_not_end_the_work(tmp_path: Path) -> None:
    with relayed(lambda *_: None, tmp_path / "gone" / "told") as tell:
        count(tell, 3)
