"""What a person sees during long work."""

from __future__ import annotations

import io
import re
from threading import Event
from typing import Any

import pytest
from rich.console import Console

from distill.training import Progress
from nas.progress import TRAINING_LOG_SECONDS, TeacherProgress, joined, progress_bars, say, waiting


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80)


STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", re.MULTILINE)


def shown(console: Console) -> str:
    """What is on the console, in a log file without dates and times."""
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert len(STAMP.findall(text)) == (0 if console.is_terminal else len(text.splitlines()))
    return STAMP.sub("", text)


def test_a_terminal_shows_how_far_each_work_is() -> None:
    console = terminal()
    with progress_bars(console) as on_progress:
        on_progress("Decoding images", 30, 120)
        on_progress("Looking at real images", 40, 50)
    assert "Decoding images" in shown(console)
    assert "Decoding images: 120 of 120" in shown(console), "the next work has begun, so this one is done"
    assert "Looking at real images" in shown(console)
    assert "Looking at real images: 40 of 50" in shown(console)


def test_what_takes_no_time_shows_nothing() -> None:
    console = terminal()
    with progress_bars(console):
        pass
    assert "━" not in shown(console)


def test_until_work_is_reported_of_a_terminal_shows_what_is_waited_for() -> None:
    console = terminal()
    with progress_bars(console, "Making the cache"):
        pass
    assert "Making the cache" in shown(console)


def test_a_file_gets_a_line_now_and_then_and_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    console, now = Console(file=io.StringIO(), force_terminal=False, width=80), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with progress_bars(console, "Making the cache") as on_progress:
        for seconds in range(0, 100, 20):
            now[0] = seconds
            on_progress("Looking at real images", 100 * seconds, 10_000)
    lines = ["Making the cache …"]
    lines += [
        f"Looking at real images: {n} of 10,000, 100/s, {t} left"
        for n, t in (("4,000", "1:00"), ("8,000", "0:20"))
    ]
    assert shown(console).splitlines() == lines


@pytest.mark.parametrize("show", [progress_bars, waiting])
def test_a_file_hears_of_work_that_reports_nothing(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    second = Event()

    class Lines(io.StringIO):
        def write(self, text: str) -> int:
            written = super().write(text)
            if self.getvalue().count("\n") > 1:
                second.set()
            return written

    monkeypatch.setattr("nas.progress.bars.LOG_SECONDS", 0.0)
    monkeypatch.setattr("nas.progress.bars.SILENCE_SECONDS", 0.01)
    console = Console(file=Lines(), force_terminal=False, width=80)
    with show(console, "Making the cache"):
        second.wait()
    assert "Making the cache; still at work, 0:00 elapsed\n" in shown(console)


@pytest.mark.parametrize("terminal", [True, False])
def test_waiting_shows_what_for(terminal: bool) -> None:
    out = io.StringIO()
    with waiting(Console(file=out, force_terminal=terminal, width=80), "Making the cache"):
        pass
    assert "Making the cache" in out.getvalue()


# While a teacher trains


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def log_file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=120)


def said(console: Console) -> list[str]:
    return shown(console).splitlines()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("images", "more"),
    [
        (0, []),
        (40, ["resuming after 40 images"]),
        (100, ["trained for 100 images already: give a larger --images to continue"]),
    ],
)
def test_it_begins_with_what_is_trained_and_from_where(images: int, more: list[str]) -> None:
    console = log_file()
    TeacherProgress(console, 100, ["Generator: small"]).found(images)
    assert said(console) == ["Generator: small", *more]


def test_images_a_second_are_those_of_training_alone(clock: Clock) -> None:
    console = log_file()
    progress = TeacherProgress(console, 1_000)
    progress.found(0)
    clock.now += 500  # the real images' statistics
    progress.started(0)
    clock.now += 10
    progress.stepped(Progress(100, 0.0, {}))
    assert said(console) == ["100/1k images, 10 images/s, 1:30 left"]


def test_a_log_file_hears_now_and_then_of_what_training_waits_for(clock: Clock) -> None:
    console = log_file()
    progress = TeacherProgress(console, 1_000)
    for done in range(1, 6):
        progress.waited("Looking at real images", 100 * done, 500)
        clock.now += TRAINING_LOG_SECONDS / 2 + 1
    assert [line.partition(",")[0] for line in said(console)] == [
        f"Looking at real images: {done} of 500" for done in (100, 300, 500)
    ]
    assert said(console)[1].endswith("of 500, 3.23/s, 1:02 left")


def test_on_a_narrow_terminal_a_line_hangs_below_its_beginning() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=40)
    say(console, "Data: images.zip, 40 images (16 px, grey [L]) of real handwritten digits, built in")
    assert out.getvalue().splitlines() == [
        "Data: images.zip, 40 images (16 px, grey",
        "  [L]) of real handwritten digits, built",
        "  in",
    ]


def test_parts_of_a_line_are_shown_whole_or_not_at_all() -> None:
    assert joined(["a trial", "baseline", "rgb1"], 17) == "a trial, baseline"
    assert joined(["a trial", "baseline", "rgb1"], 16) == "a trial"
    assert joined(["a trial", "画像", "rgb1"], 13) == "a trial, 画像", "two columns each"
    assert joined(["a trial", "画像", "rgb1"], 12) == "a trial"
