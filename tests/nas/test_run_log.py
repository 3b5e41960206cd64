"""The log of a study's runs: lines of JSON, of bounded size, never through a link."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas.progress import (
    LOG,
    Event,
    Message,
    Rung,
    RunLog,
    RunStarted,
    Terminal,
    TrialStarted,
    Work,
    tell,
)
from nas.progress.run_log import MOST_TRIAL_BYTES


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def terminal() -> Terminal:
    return Terminal(file=io.StringIO())


def test_events_have_time_level_process_and_run_before_their_own_fields(tmp_path: Path) -> None:
    first = RunStarted(since="2026-01-01T00:00:00Z", host="host", seed=3, versions={"python": "3.11.9"})
    console = terminal()
    with RunLog(tmp_path, "ab12", first).listening(console):
        tell(console, Message(level="warning", text="a warning"))
        tell(console, Work(work="images", done=1, total=2))  # where it is, not what happened
    tell(console, Message(text="after the run"))
    found = lines(tmp_path)
    assert [each["event"] for each in found] == ["run_started", "message", "run_ended"]
    assert all(list(each)[:5] == ["event", "time", "level", "pid", "run"] for each in found)
    assert {(each["pid"], each["run"]) for each in found} == {(os.getpid(), "ab12")}
    assert [each["level"] for each in found] == ["info", "warning", "info"]
    assert found[0]["versions"] == {"python": "3.11.9"}
    assert found[1]["text"] == "a warning"


def test_runs_follow_one_another_and_say_what_ended_them(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunLog(tmp_path, "one").listening(terminal()):
        raise KeyboardInterrupt
    with RunLog(tmp_path, "two").listening(terminal()):
        pass
    assert [(each["run"], each["level"], each["text"]) for each in lines(tmp_path)] == [
        ("one", "error", "KeyboardInterrupt"),
        ("two", "info", ""),
    ]


def test_what_our_loggers_say_is_in_the_log_while_the_run_lasts(tmp_path: Path) -> None:
    logger = logging.getLogger("nas.database.outages")
    before = list(logging.getLogger("nas").handlers)
    with RunLog(tmp_path, "one").listening(terminal()):
        logger.warning("%s does not answer", "the database")
    logger.warning("after the run")
    assert [(each.get("logger"), each["text"]) for each in lines(tmp_path)] == [
        ("nas.database.outages", "the database does not answer"),
        (None, ""),
    ]
    assert logging.getLogger("nas").handlers == before


def test_the_log_is_bounded_and_keeps_the_latest(tmp_path: Path) -> None:
    console = terminal()
    with RunLog(tmp_path, "one", most_bytes=2000).listening(console):
        for number in range(200):
            tell(console, Message(text=f"line {number}"))
    assert {path.name for path in tmp_path.iterdir()} == {LOG, f"{LOG}.1"}
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
    assert lines(tmp_path)[-1]["event"] == "run_ended"


def of_trial(tmp_path: Path) -> Callable[[int], Path]:
    return lambda trial: tmp_path / f"{trial:04d}"


def test_what_is_of_a_trial_is_in_its_own_log_too(tmp_path: Path) -> None:
    console = terminal()
    told: list[Event] = [
        TrialStarted(trial=7, architecture="a", seed=0, baseline=False, replicate_of=None, rungs_done=0),
        Message(text="its worker died", level="warning", trial=7),
        Rung(
            trial=7, rung=1, images=64, fid=40.0, macs=9, params=3, kd_weight=0.5, losses={"g_kd": 0.25},
            seconds=2.0, decision="stopped",
        ),
        Message(text="of the whole search"),
    ]  # fmt: skip
    with RunLog(tmp_path, "one", trial_folder=of_trial(tmp_path)).listening(console):
        for event in told:
            tell(console, event)
    own = lines(tmp_path / "0007")
    assert [(line["event"], line["level"], line["run"]) for line in own] == [
        ("trial_started", "info", "one"),
        ("message", "warning", "one"),
        ("rung", "info", "one"),
    ]
    assert own[2]["losses"] == {"g_kd": 0.25}
    assert (own[2]["images"], own[2]["kd_weight"], own[2]["seconds"]) == (64, 0.5, 2.0)
    assert [line["event"] for line in lines(tmp_path)] == [*(e.event for e in told), "run_ended"]


def test_the_log_of_a_trial_is_bounded_and_never_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "0001").mkdir()
    (tmp_path / "0001" / LOG).symlink_to(victim)
    console = terminal()
    with RunLog(tmp_path, "one", trial_folder=of_trial(tmp_path)).listening(console):
        for number in range(3000):
            tell(console, Message(text=f"line {number}", trial=0))
        tell(console, Message(text="through the link", trial=1))
    assert victim.read_text() == "mine"
    kept = sorted((tmp_path / "0000").iterdir())
    assert [path.name for path in kept] == [LOG, f"{LOG}.1"]
    assert all(path.stat().st_size <= MOST_TRIAL_BYTES for path in kept)
    assert lines(tmp_path / "0000")[-1]["text"] == "line 2999"


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
def test_a_link_or_a_pipe_is_refused(tmp_path: Path, kind: str) -> None:
    victim = tmp_path / "victim"
    if kind == "pipe":
        os.mkfifo(tmp_path / LOG)
    else:
        (tmp_path / LOG).symlink_to(victim)
    if kind == "link":
        victim.write_text("mine")
    with pytest.raises(OSError, match=LOG):
        RunLog(tmp_path, "one", RunStarted(since="", host="", seed=0, versions={}))
    assert victim.exists() == (kind == "link")
    assert kind != "link" or victim.read_text() == "mine"


def test_a_run_goes_on_where_its_log_can_be_written_no_more(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    log, console = RunLog(tmp_path, "one"), terminal()
    log._handler.stream.close()
    log._handler.stream = open("/dev/full", "w")  # noqa: SIM115  # closed by the log
    with log.listening(console):
        tell(console, Message(text="lost"))
    assert lines(tmp_path) == []
